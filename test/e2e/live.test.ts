// The stream of changes as a page or a program meets it: what it says of an upload, how long it lasts, who may listen.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { type ServerEvent, WeirClient } from "../../src/client/client.ts";
import type { LiveChange } from "../../src/client/operations.generated.ts";
import { weirHere } from "../cli/support/run.ts";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
let api: WeirClient;
beforeAll(async () => {
  weir = await startWeir();
  api = new WeirClient({ url: weir.base, key: API_KEY });
}, 120_000);
afterAll(() => weir?.close());

/** Listens until all of these have been said; what was heard until then. */
async function hear(
  changes: AsyncGenerator<ServerEvent<LiveChange>>,
  wanted: readonly string[],
  meanwhile: () => Promise<unknown>,
): Promise<Set<string>> {
  const heard = new Set<string>();
  let begun: Promise<unknown> | undefined;
  for await (const { data } of changes) {
    begun ??= meanwhile();
    for (const one of data.what) heard.add(one);
    if (wanted.every((one) => heard.has(one))) break;
  }
  await begun;
  return heard;
}

test("an upload is heard of as an event, a run and its items; a failure as a dead letter", async () => {
  const heard = await hear(api.watchChanges({ seconds: 30 }), ["events", "runs", "items"], async () =>
    weir.notifyR2(await weir.put("test-media", "live/a.txt", "hello")),
  );
  expect([...heard]).not.toContain("dead_letters");
  const broken = await hear(api.watchChanges({ seconds: 30 }), ["dead_letters"], async () =>
    weir.notifyR2(await weir.put("test-media", "live/a.bin", "x", { broken: "yes" })),
  );
  expect([...broken]).toContain("runs");
});

test("a refused delivery, a pause and a replay are heard of", async () => {
  const post = (path: string, body: object) =>
    weir.api(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  await hear(api.watchChanges({ seconds: 30 }), ["rejections", "pipelines", "replays"], async () => {
    await weir.fetch("/v1/connections/conn_media/events", { method: "POST", body: "unproven" });
    await post("/v1/pipelines/echo/pause", { reason: "live" });
    await post("/v1/replays", { select: { kind: "stale" }, aliases: ["reader"] });
  });
  await post("/v1/pipelines/echo/resume", {});
});

test("it opens with a beat and ends by itself; who comes back with the last id is told that all may have changed", async () => {
  const events: ServerEvent<LiveChange>[] = [];
  for await (const event of api.watchChanges({ seconds: 1 })) events.push(event);
  expect(events[0]).toMatchObject({ event: "beat", data: { what: [] } });
  expect(events[0]?.id).toBe(events[0]?.data.at);

  const again = await weir.api("/v1/live?seconds=1", { headers: { "last-event-id": events[0]?.id ?? "" } });
  expect(again.headers.get("content-type")).toBe("text/event-stream");
  const text = await again.text();
  expect(text).toMatch(
    /^event: changed\ndata: \{"at":"[^"]+","what":\["events","runs","items","dead_letters",/,
  );
  expect(text).toContain("\nretry: 1000\n");
});

test("a key that may not read is refused before the stream begins, and so is a time that is none", async () => {
  const made = await weir.post<{ key: string }>("/v1/keys", { name: "asks", scopes: ["search"] });
  const refused = await weir.fetch("/v1/live", { headers: { authorization: `Bearer ${made.key}` } });
  expect(refused.status).toBe(403);
  expect((await weir.api("/v1/live?seconds=301")).status).toBe(400);
});

test("weir live prints what changes, by the line", async () => {
  const ended = weirHere(["--root", join(packageRoot, "test/project"), "live", "--seconds", "8", "--json"], {
    WEIR_URL: weir.base,
    WEIR_API_KEY: API_KEY,
  });
  // Until the command listens, nobody knows: something goes on changing.
  let over = false;
  const changing = (async () => {
    for (let n = 0; !over; n++) {
      await weir.notifyR2(await weir.put("test-media", `live/cli-${n}.txt`, "hello"));
      await weir.settled(`live/cli-${n}.txt`, 1);
    }
  })();
  const { code, stdout } = await ended;
  over = true;
  await changing;
  expect(code).toBe(0);
  const lines = stdout.trim().split("\n");
  const heard = lines.flatMap((line) => (JSON.parse(line) as LiveChange).what);
  expect(heard).toEqual(expect.arrayContaining(["events", "runs"]));
});
