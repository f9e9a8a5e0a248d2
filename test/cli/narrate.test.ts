// What `weir dev` prints of its Workers' log lines, and what it does where a handler never ends.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, onTestFinished, test, vi } from "vitest";
import { openNarrator } from "../../cli/local/narrate.ts";
import { sourcePlace } from "../../cli/local/source-place.ts";
import { startWatchdog } from "../../cli/local/watchdog.ts";
import { folder } from "./support/given.ts";

function printed() {
  vi.stubEnv("NO_COLOR", "1");
  let text = "";
  const spy = vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  onTestFinished(() => {
    spy.mockRestore();
    vi.unstubAllEnvs();
  });
  return () => text;
}

const line = (worker: string, log: string, fields: object) =>
  `[${worker}] ${JSON.stringify({ log, ...fields })}`;
const event = { type: "created", sender: "s3", bucket: "media", key: "a.mp4" };
const attempt = { run_id: "run_1", attempt: 1, bucket: "media", key: "a.mp4", ms: 35, next: "done" };

test("an event is a line with the pipelines that it runs, or with who refused it", () => {
  const text = printed();
  const { line: take } = openNarrator();
  const events = [
    { ...event, matched: ["one", "two"], refused: 1 },
    { ...event, matched: [], refused: 3 },
  ];
  take(line("weir", "events", { events }));
  expect(text()).toBe(
    "→ media/a.mp4 created, by s3: one, two\n" +
      "→ media/a.mp4 created, by s3: no pipeline wants it, 3 refused it: weir events\n",
  );
});

test("an attempt is a line with its pipeline, its object and its outcome, and what the handler logged", () => {
  const text = printed();
  const { line: take } = openNarrator({ placeOf: (alias) => `pipelines/${alias}/handler.ts:9:11` });
  const failed = {
    ...attempt,
    status: "failed",
    next: "retry",
    failure: "handler_failed",
    detail: "Error: boom",
    where: "at worker.js:100:9",
  };
  const succeeded = { ...attempt, status: "succeeded", items: 2, log: ["half way"] };
  const skipped = { ...attempt, status: "skipped", reason: "The object is gone." };
  take(line("weir-one", "attempts", { alias: "one", attempts: [failed, succeeded, skipped] }));
  expect(text().split("\n")).toEqual([
    "✗ one  media/a.mp4: handler_failed: Error: boom",
    "    at pipelines/one/handler.ts:9:11",
    "    attempt 1, tried again; run_1",
    "✓ one  media/a.mp4: 2 items, 35 ms",
    "    log  half way",
    "– one  media/a.mp4: skipped, The object is gone.",
    "",
  ]);
});

test("a run of an older version, since the handler does not build, says so", () => {
  const text = printed();
  const { line: take } = openNarrator({ remarkOn: (alias) => `${alias} does not build.` });
  take(
    line("weir-one", "attempts", { alias: "one", attempts: [{ ...attempt, status: "succeeded", items: 1 }] }),
  );
  expect(text()).toBe("✓ one  media/a.mp4: 1 item, 35 ms\n    one does not build.\n");
});

test("a refused delivery is a line with its place, whatever wrangler puts before it", () => {
  const text = printed();
  const { line: take } = openNarrator();
  const refused = {
    connection: "inbox",
    scheme: "bearer",
    detail: "No token matches.",
    where: "authorization",
  };
  take(
    `\u001b[33m▲ \u001b[43;33m[\u001b[43;30mWARNING\u001b[43;33m]\u001b[0m \u001b[1m${JSON.stringify({ log: "refused", ...refused })}\u001b[0m`,
  );
  expect(text()).toBe("✗ refused at inbox, bearer: No token matches. (at authorization)\n");
});

test("requests, reloads and errors of wrangler's own files are left out; a handler's console is not", () => {
  const text = printed();
  const { line: take } = openNarrator();
  take("[wrangler:info] GET /v1/runs 200 OK (12ms)");
  take("⎔ Reloading local server...");
  take("✘ [ERROR] Build failed with 1 error:");
  take('✘ [ERROR] Could not resolve "/x/.wrangler/tmp/bundle-1/middleware-loader.entry.ts"');
  take(
    "\u001b[31m✘ \u001b[41;31m[\u001b[41;97mERROR\u001b[41;31m]\u001b[0m \u001b[1mBuild failed with 1 error:\u001b[0m",
  );
  take("Using secrets defined in process.env");
  take('{"at":"compute","path":"/v1/split","status":200,"ms":5}');
  take("[weir-one] hello from the handler");
  expect(text()).toBe("one  hello from the handler\n");
});

test("what wrangler says while it starts again is left out", () => {
  const text = printed();
  const { line: take } = openNarrator();
  take("wrangler dev ended with code 1; starting it again");
  take("Using secrets defined in process.env");
  take("[wrangler:info] Ready on http://127.0.0.1:1");
  take("words of a handler");
  expect(text()).toBe("wrangler dev ended with code 1; starting it again\nwords of a handler\n");
});

test("for machines, each log line is JSON with its Worker, and nothing else is printed", () => {
  const text = printed();
  const lines: string[] = [];
  const { line: take } = openNarrator({ json: (it) => lines.push(it) });
  take(line("weir", "events", { events: [] }));
  take("⎔ Local server updated and ready");
  expect(lines.map((it) => JSON.parse(it) as unknown)).toEqual([
    { worker: "weir", log: "events", events: [] },
  ]);
  expect(text()).toBe("");
});

test("a frame of a bundle is found in its source", async () => {
  const root = folder({
    "pipelines/one/handler.ts": "\n\nexport const fail = () => {\n  throw new Error('boom');\n};\nfail();\n",
  });
  const at = join(root, "pipelines/one");
  await build({
    entryPoints: [join(at, "handler.ts")],
    outfile: join(at, ".wrangler/tmp/dev-1/worker.js"),
    bundle: true,
    sourcemap: true,
  });
  // The second frame, since the first is none of a file.
  const frames = "at <anonymous>\nat fail (worker.js:4:11)";
  expect(sourcePlace(root, "pipelines/one", frames)).toBe("pipelines/one/handler.ts:4:9");
  expect(sourcePlace(root, "pipelines/two", "at worker.js:1:1")).toBe("at worker.js:1:1");
});

test("Workers that answer nothing while an attempt goes are started again, and its pipeline is named", async () => {
  const text = printed();
  const server = createServer(() => {}).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once("listening", resolve));
  const narrator = openNarrator();
  const { promise: restarted, resolve } = Promise.withResolvers<void>();
  const stop = startWatchdog({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    narrator,
    restart: async () => resolve(),
    stuckMs: 100,
  });
  onTestFinished(stop);
  narrator.line(
    line("weir-one", "attempt", { alias: "one", run_id: "run_1", bucket: "media", key: "a.mp4" }),
  );
  await restarted;
  expect(text()).toContain("The handler of one began media/a.mp4 and may never end.");
  narrator.line("wrangler dev ended with code 143; starting it again");
  expect(narrator.going()).toEqual([]);
});

test("runs for a pipeline that --only leaves out are one line, and other bindings that fail are lines each", () => {
  const text = printed();
  const { line: take } = openNarrator({ isLeftOut: (alias) => alias === "two" });
  const failed = (alias: string) => line("weir", "binding.failed", { alias, runs: 1, error: "not there" });
  for (const alias of ["two", "two", "one"]) take(failed(alias));
  expect(text()).toBe(
    "two is left out by --only: its runs wait.\nweir  binding.failed: alias=one runs=1 error=not there\n",
  );
});
