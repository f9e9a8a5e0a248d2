// Filters as people ask about them, over the real Workers: why an event ran or did not, what a filter says of
// an event, and what a changed filter would gain and lose. The command asks the same router.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { API_KEY, type Run, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
let folder: string;
/** Ids of events, by their keys. */
const ids = new Map<string, string>();
const event = (key: string) => ids.get(key) ?? "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weir-filters-"));
  weir = await startWeir();
  await Promise.all([
    heard("notes.txt", {}, 1),
    heard("seen.txt", { foo: "baz" }, 1),
    heard("removed.txt", {}, 1),
    heard("tried.mp4", { foo: "bar" }, 0),
    heard("diff/keep.txt", {}, 1),
    heard("diff/lose.txt", {}, 1),
    // Other pipelines' filters make the router look; echo's changed filter can use what was found.
    heard("diff/gain.bin", { color: "red" }, 0),
  ]);
}, 120_000);
afterAll(async () => {
  await weir?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

interface Why {
  verdict: boolean | "unknown" | null;
  version: string | null;
  reason: string;
  clauses: object[];
  runs: Run[];
}
const why = (id: string, alias: string) => weir.read<Why>(`/v1/events/${id}/why/${alias}`);
/** Puts an object, tells Weir as R2 would, and waits for the event, and that many runs of it to end. */
async function heard(key: string, metadata: Record<string, string>, runs: number): Promise<void> {
  await weir.notifyR2(await weir.put("test-media", key, "hello", metadata));
  const { data } = await weir.until(
    () => weir.read<{ data: { id: string }[] }>(`/v1/events?key=${encodeURIComponent(key)}`),
    (page) => page.data.length > 0,
  );
  ids.set(key, data[0]?.id ?? "");
  if (runs > 0) await weir.settled(key, runs);
}
const post = async (path: string, body: unknown) => {
  const init = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  const response = await weir.api(path, init);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
/** The command as a shell would run it, beside this process. */
const command = (...args: string[]) =>
  new Promise<{ status: number; stdout: string; stderr: string }>((resolve) => {
    const env = { ...process.env, WEIR_API_KEY: API_KEY, NO_COLOR: "1", FORCE_COLOR: "0" };
    const all = [join(packageRoot, "cli/bin.mjs"), "--root", join(packageRoot, "test/project"), ...args];
    execFile(process.execPath, [...all, "--url", weir.base], { env }, (error, stdout, stderr) =>
      resolve({ status: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
  });
const file = (name: string, content: unknown) => {
  writeFileSync(join(folder, name), JSON.stringify(content));
  return join(folder, name);
};

describe("why", () => {
  test("a pipeline ran: each condition, the version, and the run", async () => {
    const { data } = await weir.read<{ data: { alias: string; version: string }[] }>("/v1/pipelines");
    expect(await why(event("notes.txt"), "echo")).toMatchObject({
      event_id: event("notes.txt"),
      alias: "echo",
      verdict: true,
      version: data.find(({ alias }) => alias === "echo")?.version,
      filter: { key: { suffix: ".txt" } },
      reason: "every condition is met",
      clauses: [
        { path: "key", expected: { suffix: ".txt" }, actual: "notes.txt", source: "event", verdict: true },
      ],
      runs: [{ alias: "echo", status: "succeeded" }],
    });
  });

  test("others did not: by what was found at the object then, even when it is another now", async () => {
    await weir.put("test-media", "seen.txt", "hello", { foo: "bar" });
    expect(await why(event("seen.txt"), "video-processor")).toMatchObject({
      verdict: false,
      reason: 'metadata.foo is "baz", expected "bar"',
      clauses: [{ path: "metadata.foo", actual: "baz", source: "object", verdict: false }],
      runs: [],
    });
    expect(await why(event("seen.txt"), "always-throws")).toMatchObject({
      reason: 'metadata.broken is absent, expected "yes"',
      clauses: [{ source: "absent" }],
    });
    expect(await why(event("seen.txt"), "image-catalog")).toMatchObject({
      verdict: null,
      reason: "the event is of connection conn_media, and image-catalog reads from conn_photos",
    });
  });

  test("no filter was asked: of a removed object, of an invocation", async () => {
    await weir.notifyR2(await weir.remove("test-media", "removed.txt"));
    const { data } = await weir.until(
      () => weir.read<{ data: { id: string; type: string }[] }>("/v1/events?key=removed.txt"),
      (page) => page.data[0]?.type === "removed",
    );
    const removed = await weir.until(
      () => why(data[0]?.id ?? "", "echo"),
      ({ runs }) => runs[0]?.status === "succeeded",
    );
    expect(removed).toMatchObject({
      verdict: null,
      reason: expect.stringContaining("the object was removed"),
    });
    const { run_id } = (await (await weir.invoke("echo", { payload: {} })).json()) as { run_id: string };
    const { event_id } = await weir.read<Run>(`/v1/runs/${run_id}`);
    expect(await why(event_id, "echo")).toMatchObject({
      verdict: null,
      reason: "a person asked for this run: filters are not consulted",
      runs: [{ id: run_id, status: "succeeded" }],
    });
  });

  test("an event or a pipeline that is not there is a 404 that says which", async () => {
    const id = event("notes.txt");
    const pipeline = await weir.api(`/v1/events/${id}/why/no'such"one`);
    expect(pipeline.status).toBe(404);
    expect(await pipeline.json()).toMatchObject({
      detail: expect.stringContaining("there is no pipeline no'such"),
      expected: expect.stringContaining("echo"),
    });
    expect((await weir.api("/v1/events/evt_none/why/echo")).status).toBe(404);
    expect((await weir.fetch(`/v1/events/${id}/why/echo`)).status).toBe(401);
  });
});

describe("a filter that is meant to hurt", () => {
  const NASTY: [sentence: string, filter: string][] = [
    ["__proto__, which JSON libraries drop", '{"__proto__":{"key":"none"}}'],
    ["__proto__ among metadata", '{"metadata":{"__proto__":"none"}}'],
    ["2 KB of dots", JSON.stringify({ [Array(1000).fill("a").join(".")]: "x" })],
    ["a glob of 32 KB", JSON.stringify({ key: [{ glob: "{a}".repeat(10_900) }] })],
    [
      "17 KB of $or",
      JSON.stringify({ $or: Array.from({ length: 900 }, () => ({ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 })) }),
    ],
  ];
  test.each(NASTY)("is refused by every door that takes one: %s", async (_, filter) => {
    const doors = {
      "/v1/filters/test": `{"filter":${filter},"event":{"key":"a"}}`,
      "/v1/filters/diff": `{"alias":"echo","filters":${filter}}`,
      "/v1/replays": `{"select":{"kind":"stale"},"aliases":["echo"],"filter":${filter},"dry_run":true}`,
    };
    for (const [path, body] of Object.entries(doors)) {
      const headers = { "content-type": "application/json" };
      const response = await weir.api(path, { method: "POST", headers, body });
      expect([path, response.status]).toEqual([path, 400]);
      expect((await response.text()).length).toBeLessThan(4_000);
    }
  });

  test("together with its event is refused, with what to do instead", async () => {
    const filter = {
      payload: { a: Array.from({ length: 20 }, (_, n) => ({ glob: `${"?".repeat(400)}*${n}` })) },
    };
    const { status, body } = await post("/v1/filters/test", {
      filter,
      event: { payload: { a: "x".repeat(50_000) } },
    });
    expect([status, body.where]).toEqual([400, "event"]);
    expect(body.next).toContain("weir filter test");
    expect(
      (await post("/v1/filters/test", { filter, event: { payload: { a: "x".repeat(1_000) } } })).status,
    ).toBe(200);
    const list = Array.from({ length: 900 }, () => ({ b: 1, c: 1 }));
    const choices = { payload: { a: { b: [1], c: [1] }, d: { b: [1], c: [1] } } };
    const multiplied = await post("/v1/filters/test", {
      filter: choices,
      event: { payload: { a: list, d: list } },
    });
    expect([multiplied.status, multiplied.body.expected]).toEqual([
      400,
      expect.stringContaining("fewer elements"),
    ]);
  });
});

describe("a filter tried on an event", () => {
  test("that is pasted, and on one of record with what was found then", async () => {
    const id = event("tried.mp4");
    const filter = { metadata: { foo: "bar" }, key: [{ prefix: "tried" }] };
    const pasted = await post("/v1/filters/test", { filter, event: { key: "tried.mp4" } });
    expect(pasted).toMatchObject({ status: 200, body: { verdict: "unknown", warnings: [] } });
    expect(await post("/v1/filters/test", { filter, event: id })).toMatchObject({
      body: {
        verdict: true,
        reason: "every condition is met",
        clauses: [{ source: "event" }, { source: "object" }],
      },
    });
    expect(await post("/v1/filters/test", { alias: "video-processor", event: id })).toMatchObject({
      body: { verdict: true },
    });
    expect(await post("/v1/filters/test", { filter: { sufix: "a" }, event: id })).toMatchObject({
      body: { verdict: false, warnings: [{ path: "sufix", suggestion: expect.any(String) }] },
    });
  });

  test.each<[string, unknown, number, object]>([
    [
      "a filter that does not compile",
      { filter: { key: [{ prefx: "a" }] }, event: {} },
      400,
      { where: "filter.key[0].prefx", expected: expect.any(String), next: "did you mean prefix?" },
    ],
    ["neither filter nor alias", { event: {} }, 400, { detail: expect.stringContaining("either") }],
    ["both", { filter: {}, alias: "echo", event: {} }, 400, { detail: expect.stringContaining("either") }],
    [
      "a pipeline that is not there",
      { alias: "ecko", event: {} },
      404,
      { expected: expect.stringContaining("echo") },
    ],
    [
      "an event that is not there",
      { alias: "echo", event: "evt_none" },
      404,
      { detail: "there is no event evt_none" },
    ],
    ["a field that events lack", { alias: "echo", event: { Bucket: "b" } }, 400, {}],
  ])("%s is refused", async (_, body, status, problem) => {
    expect(await post("/v1/filters/test", body)).toMatchObject({ status, body: problem });
  });

  test("the command says the same of a recorded event, and its exit code tells", async () => {
    const id = event("seen.txt");
    const passed = await command("filter", "test", "echo", id);
    expect(passed).toMatchObject({ status: 0, stderr: expect.stringContaining("passes the event") });
    const refused = await command("filter", "test", "video-processor", id);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('metadata.foo is "baz"') });
    expect(refused.stdout).toContain("at the object");
    const none = await command("filter", "test", "echo", "evt_none");
    expect(none).toMatchObject({ status: 4, stderr: expect.stringContaining("there is no event evt_none") });
  });
});

describe("a changed filter against what is on record", () => {
  test("tells what it would gain and lose, with the items that the lost ones own, and changes nothing", async () => {
    const filters = {
      $or: [{ key: [{ suffix: ".txt" }], name: [{ "anything-but": "lose.txt" }] }, { color: "red" }],
    };
    const answer = await post("/v1/filters/diff", { alias: "echo", filters });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        ...{ alias: "echo", gained: 1, lost: 1, undecided: 0, items_of_lost: 1 },
        samples: {
          gained: [{ bucket: "test-media", key: "diff/gain.bin" }],
          lost: [{ key: "diff/lose.txt", reason: expect.stringContaining("lose.txt") }],
        },
      },
    });
    expect(await weir.items("echoes", "diff/lose.txt")).toHaveLength(1);
    expect(await post("/v1/filters/diff", { alias: "echo", filters: { key: {} } })).toMatchObject({
      status: 400,
    });

    const told = await command("filter", "diff", "echo", "--against", file("changed.json", filters));
    expect(told.status).toBe(0);
    expect(told.stdout).toMatch(/gained +1 /);
    expect(told.stdout).toMatch(/lost +1 .*1 stored item is theirs/);
    expect(told.stdout).toContain("test-media/diff/lose.txt");
    const json = await command("filter", "diff", "echo", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ alias: "echo", gained: 0, lost: 0, undecided: 0 });
    const unknown = await command("filter", "diff", "nobody", "--against", file("any.json", {}));
    expect(unknown).toMatchObject({
      status: 4,
      stderr: expect.stringContaining("there is no pipeline nobody"),
    });
  });
});
