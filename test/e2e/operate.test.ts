// What an operator does: replays, audits, redrives, pauses, and what the sweep does by itself.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { records, s3Record } from "../receive/records.ts";
import { type GoStore, openGoStore } from "../support/go-store.ts";
import { type Run, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
/** What the connection conn_peer leads to. */
let store: GoStore;
beforeAll(async () => {
  store = await openGoStore(["test-peer", "test-plain", "test-peer-versioned"], { errorHeader: true });
  weir = await startWeir({ CONN_PEER_ENDPOINT: store.base });
}, 120_000);
afterAll(async () => {
  await weir?.close();
  await store?.close();
});

interface Replay {
  id: string;
  status: string;
  phase: string;
  stopped?: { kind: string; where?: string; detail: string };
  plan: {
    objects: number;
    bytes: number;
    passed_over: number;
    by_why: Record<string, number>;
    sample: { key: string; why: string }[];
    replaces: { objects: number; items: number };
    seconds: number | null;
    pipelines: Record<string, { handled: number; basis: string }>;
  };
  progress: {
    planned: number | null;
    enqueued: number;
    open: number;
    succeeded: number;
    skipped: number;
    dead: number;
  };
}
const post = async <T>(path: string, body: unknown = {}): Promise<T & { status_code: number }> => {
  const headers = { "content-type": "application/json" };
  const response = await weir.api(path, { method: "POST", headers, body: JSON.stringify(body) });
  return { ...((await response.json()) as T), status_code: response.status };
};
const ended = (id: string) =>
  weir.until(
    () => weir.read<Replay>(`/v1/replays/${id}`),
    (replay) => replay.status === "done",
  );
const replay = async (body: object) => ended((await post<Replay>("/v1/replays", body)).id);
const echo = { aliases: ["echo"] };
const cron = () => weir.ringCron();

describe("a replay of a listing", () => {
  test("runs a pipeline on what was in the bucket before anybody told of it, every object once", async () => {
    const keys = Array.from({ length: 250 }, (_, n) => `before/${n}.txt`);
    await Promise.all(keys.map((key) => weir.put("test-media", key, key)));
    await weir.put("test-media", "before/picture.jpg", "no text");
    const select = { kind: "listing", prefix: "before/" };
    const plan = await replay({ select, ...echo, dry_run: true });
    expect(plan.plan).toMatchObject({ objects: 250, passed_over: 1, by_why: { selected: 250 } });
    expect(plan.plan.bytes).toBe(keys.join("").length);
    expect(plan.progress).toMatchObject({ planned: 250, enqueued: 0 });
    expect(await weir.items("echoes", "before/7.txt")).toEqual([]);

    const done = await replay({ select, ...echo });
    expect(done.progress).toMatchObject({ planned: 250, enqueued: 250, open: 0, succeeded: 250, dead: 0 });
    expect(await weir.items("echoes", "before/7.txt")).toHaveLength(1);
    expect(await weir.items("echoes", "before/249.txt")).toHaveLength(1);
    const { data } = await weir.read<{ data: (Run & { replay_id: string; cause: string })[] }>(
      "/v1/runs?alias=echo&limit=1",
    );
    expect(data[0]).toMatchObject({ replay_id: done.id, cause: "replayed" });
  });

  test("narrowed by a filter, runs only what passes it", async () => {
    await weir.put("test-media", "narrow/a.txt", "a", { color: "red" });
    await weir.put("test-media", "narrow/b.txt", "b", { color: "blue" });
    const done = await replay({
      select: { kind: "listing", prefix: "narrow/" },
      ...echo,
      filter: { color: "red" },
    });
    expect(done.progress).toMatchObject({ planned: 1, succeeded: 1 });
    expect(await weir.items("echoes", "narrow/a.txt")).toHaveLength(1);
    expect(await weir.items("echoes", "narrow/b.txt")).toEqual([]);
  });

  test("a plan says which items it would replace, and how long its handlers took before", async () => {
    for (const name of ["old-1", "old-2"]) {
      await weir.notifyR2(await weir.put("test-media", `planned/${name}.txt`, name));
      await weir.settled(`planned/${name}.txt`, 1);
    }
    await weir.put("test-media", "planned/new.txt", "new");
    await weir.put("test-media", "planned/broken.bin", "x", { broken: "yes" });
    const select = { kind: "listing", prefix: "planned/" };
    const { plan } = await replay({ select, ...echo, dry_run: true });
    expect(plan).toMatchObject({ objects: 3, replaces: { objects: 2, items: 2 } });
    expect(plan.pipelines.echo).toMatchObject({ handled: 3, basis: expect.stringMatching(/^[\d.]+ s each/) });
    expect(plan.seconds).toBeGreaterThanOrEqual(0);
    // No run of this one has ever succeeded.
    const none = await replay({ select, aliases: ["always-throws"], dry_run: true });
    expect(none.plan).toMatchObject({ objects: 1, replaces: { objects: 0, items: 0 }, seconds: null });
    expect(none.plan.pipelines["always-throws"]?.basis).toContain(
      "none of its runs of the last 30 days succeeded",
    );
  });

  test("paused, does nothing more until resumed; cancelled, nothing more at all", async () => {
    await Promise.all(Array.from({ length: 30 }, (_, n) => weir.put("test-media", `held/${n}.txt`, "x")));
    const body = { select: { kind: "listing", prefix: "held/" }, ...echo };
    const first = await post<Replay>("/v1/replays", body);
    await post(`/v1/replays/${first.id}/pause`);
    const resumed = await post<Replay>(`/v1/replays/${first.id}/resume`);
    expect(["active", "done"]).toContain(resumed.status);
    expect((await ended(first.id)).progress).toMatchObject({ planned: 30, succeeded: 30 });
    const second = await post<Replay>("/v1/replays", body);
    const cancelled = await post<Replay>(`/v1/replays/${second.id}/cancel`);
    expect(cancelled.status).toBe("cancelled");
    expect((await post<Replay>(`/v1/replays/${second.id}/resume`)).status_code).toBe(409);
  });
});

test("a replay of events runs each object once, by its newest event, and links to it", async () => {
  const since = new Date().toISOString();
  for (const body of ["one", "two"]) await weir.notifyR2(await weir.put("test-media", "again/e.txt", body));
  await weir.settled("again/e.txt", 1);
  const done = await replay({ select: { kind: "events", since }, ...echo });
  expect(done.progress).toMatchObject({ planned: 1, succeeded: 1 });
  const { data } = await weir.read<{ data: { sender: string; replay_of: string }[] }>(
    "/v1/events?key=again%2Fe.txt",
  );
  const [replayed, newest] = data;
  expect(replayed).toMatchObject({ sender: "replay", replay_of: (newest as unknown as { id: string }).id });
});

test("produced-by finds items by what made them; stale finds none of the deployed version", async () => {
  await weir.notifyR2(await weir.put("test-media", "made/by.txt", "x"));
  await weir.settled("made/by.txt", 1);
  const { data } = await weir.read<{ data: { alias: string; version: string }[] }>("/v1/pipelines");
  const version = data.find(({ alias }) => alias === "echo")?.version;
  const by = await replay({ select: { kind: "produced_by", version }, ...echo, dry_run: true });
  expect(by.plan.sample.map(({ key }) => key)).not.toEqual([]);
  expect(
    (await replay({ select: { kind: "produced_by", commit: "another" }, ...echo, dry_run: true })).plan
      .objects,
  ).toBe(0);
  expect((await replay({ select: { kind: "stale" }, ...echo, dry_run: true })).plan.objects).toBe(0);
});

test("a pipeline's versions say what each has made that is still there", async () => {
  await weir.notifyR2(await weir.put("test-media", "versions/one.txt", "x"));
  await weir.settled("versions/one.txt", 1);
  const { data } = await weir.read<{ data: object[] }>("/v1/pipelines/echo/versions");
  expect(data).toMatchObject([{ deployed: true, config: { alias: "echo" }, commits: ["test-commit"] }]);
  const before = data[0] as { version: string; objects: number; items: number };
  expect(before.items).toBeGreaterThanOrEqual(1);
  // Which items did it make: one query; of another commit or version: none.
  const made = (query: string) =>
    weir.read<{ data: object[] }>(`/v1/collections/echoes/items?key=versions%2Fone.txt&${query}`);
  expect((await made(`version=${before.version}&commit=test-commit`)).data).toMatchObject([
    { version: before.version, commit: "test-commit" },
  ]);
  for (const query of ["version=0000", "commit=another", "stale=true"])
    expect((await made(query)).data).toEqual([]);
  const objects = (query: string) =>
    weir.read<{ data: { object: { key: string } }[] }>(
      `/v1/pipelines/echo/objects?prefix=versions%2F&${query}`,
    );
  const found = (await objects("commit=test-commit")).data;
  expect(found.find(({ object }) => object.key === "versions/one.txt")).toMatchObject({
    object: { bucket: "test-media", connection: "conn_media" },
    ...{ items: 1, version: before.version, commit: "test-commit", stale: false },
  });
  expect((await objects("stale=true")).data).toEqual([]);
  expect((await objects("version=0000")).data).toEqual([]);
  await weir.notifyR2(await weir.remove("test-media", "versions/one.txt"));
  await weir.until(
    () => weir.read<{ data: { objects: number }[] }>("/v1/pipelines/echo/versions"),
    (page) => page.data[0]?.objects === before.objects - 1,
  );
});

describe("an audit", () => {
  test("finds what is missing, out of date and left behind; repaired, a second one finds nothing", async () => {
    const told = (key: string) =>
      weir.put("test-media", key, "first").then((object) => weir.notifyR2(object));
    await Promise.all(["audit/fine.txt", "audit/changed.txt", "audit/gone.txt"].map(told));
    for (const name of ["fine", "changed", "gone"]) await weir.settled(`audit/${name}.txt`, 1);
    // Nobody tells of these.
    await weir.put("test-media", "audit/missing.txt", "x");
    await weir.put("test-media", "audit/changed.txt", "second");
    await weir.remove("test-media", "audit/gone.txt");
    const ask = { alias: "echo", prefix: "audit/" };
    const found = await ended((await post<Replay>("/v1/audits", ask)).id);
    expect(found.plan.sample.map(({ key, why }) => [key, why]).sort()).toEqual([
      ["audit/changed.txt", "out_of_date"],
      ["audit/gone.txt", "orphaned"],
      ["audit/missing.txt", "missing"],
    ]);
    const repaired = await ended((await post<Replay>("/v1/audits", { ...ask, repair: true })).id);
    expect(repaired.progress).toMatchObject({ planned: 3, open: 0, dead: 0 });
    expect(await weir.items("echoes", "audit/gone.txt")).toEqual([]);
    expect(await weir.items("echoes", "audit/missing.txt")).toHaveLength(1);
    expect((await ended((await post<Replay>("/v1/audits", ask)).id)).plan.objects).toBe(0);
  });
});

describe("an audit of a store that writes as Go does", () => {
  const ask = { alias: "reader" };
  const begun = async (more: object = {}) => (await post<Replay>("/v1/audits", { ...ask, ...more })).id;
  const stopped = (id: string) =>
    weir.until(
      () => weir.read<Replay>(`/v1/replays/${id}`),
      ({ status }) => status === "paused",
    );
  const held = async () =>
    (await weir.read<{ data: unknown[] }>("/v1/collections/read/items?limit=100")).data.length;

  test("agrees once it is repaired: quotes of an ETag are quotes, however they are written", async () => {
    for (let n = 0; n < 10; n++) store.put("test-peer", `go/'${n}' "é" &.txt`, `text ${n}`);
    expect((await ended(await begun())).plan.by_why).toEqual({ missing: 10 });
    expect((await ended(await begun({ repair: true }))).progress).toMatchObject({ succeeded: 10, dead: 0 });
    expect((await ended(await begun())).plan).toMatchObject({ objects: 0, passed_over: 10 });
    store.put("test-peer", `go/'0' "é" &.txt`, "another text");
    expect((await ended(await begun({ repair: true }))).plan.by_why).toEqual({ out_of_date: 1 });
    expect((await ended(await begun())).plan.objects).toBe(0);
  });

  test("refuses where the bucket is not there, repair or not, and goes on once it is", async () => {
    const restore = store.dropBucket("test-peer");
    const refused = [await begun(), await begun({ repair: true })];
    for (const id of refused) {
      expect(await stopped(id)).toMatchObject({
        stopped: { kind: "source_refused", detail: expect.stringContaining("no such bucket") },
        plan: { by_why: {} },
      });
    }
    expect(await held()).toBe(10);
    restore();
    for (const id of refused) {
      await post(`/v1/replays/${id}/resume`);
      const done = await ended(id);
      expect(done.plan).toMatchObject({ objects: 0, passed_over: 10 });
      expect(done).not.toHaveProperty("stopped");
    }
  });

  test("an event of an object in a bucket that is not there removes nothing", async () => {
    const key = `go/'1' "é" &.txt`;
    const restore = store.dropBucket("test-peer");
    const body = records(
      s3Record({ key, bucket: "test-peer", eventName: "ObjectRemoved:Delete", sequencer: "9" }),
    );
    const headers = {
      "content-type": "application/json",
      authorization: `Bearer ${weir.secrets.CONN_PEER_TOKEN}`,
    };
    const answer = await weir.fetch("/v1/connections/conn_peer/events", { method: "POST", headers, body });
    const { events } = (await answer.json()) as { events: { id: string }[] };
    const { data: runs } = await weir.until(
      () => weir.read<{ data: Run[] }>(`/v1/runs?event_id=${events[0]?.id}`),
      ({ data }) => data.some(({ status }) => ["dead", "succeeded", "skipped"].includes(status)),
    );
    expect(runs.find(({ status }) => status === "dead")?.failure).toMatchObject({ kind: "source_refused" });
    restore();
    expect(await held()).toBe(10);
  });

  test("a repair that removes a few does so; one that removes more waits for a person, or for force", async () => {
    const remove = (...names: number[]) => {
      for (const n of names) store.remove("test-peer", `go/'${n}' "é" &.txt`);
    };
    remove(0, 1);
    expect((await ended(await begun({ repair: true }))).plan.by_why).toEqual({ orphaned: 2 });
    expect(await held()).toBe(8);
    remove(2, 3);
    const id = await begun({ repair: true });
    expect((await stopped(id)).stopped).toMatchObject({
      kind: "conflict",
      where: "force",
      detail: "The repair would remove the items of 2 of 8 objects of reader.",
    });
    expect(await held()).toBe(8);
    await post(`/v1/replays/${id}/resume`);
    expect((await ended(id)).progress).toMatchObject({ planned: 2, open: 0 });
    expect(await held()).toBe(6);
    remove(4, 5, 6, 7, 8, 9);
    expect((await ended(await begun({ repair: true, force: true }))).plan.by_why).toEqual({ orphaned: 6 });
    expect(await held()).toBe(0);
    // Looking removes nothing, so it asks nothing.
    expect((await ended(await begun())).plan.objects).toBe(0);
  });
});

describe("dead letters", () => {
  const dead = async (key: string) => {
    await weir.notifyR2(await weir.put("test-media", key, "x", { broken: "yes" }));
    const runs = await weir.settled(key, 1);
    await weir.until(
      () =>
        weir.read<{ data: { object: { key: string } }[] }>("/v1/dead-letters?alias=always-throws&limit=200"),
      (page) => page.data.some((letter) => letter.object.key === key),
    );
    return runs[0] as Run;
  };

  test("are redriven with all their attempts, and twice is once", async () => {
    const run = await dead("redrive/x.bin");
    const [first, second] = [
      await post<{ redriven: number }>("/v1/dead-letters/redrive", { run_ids: [run.id] }),
      await post<{ redriven: number }>("/v1/dead-letters/redrive", { run_ids: [run.id] }),
    ];
    expect([first.redriven, second.redriven]).toEqual([1, 0]);
    const again = await weir.until(
      () =>
        weir.read<Run & { history: { status: string; attempt: number; cause: string | null }[] }>(
          `/v1/runs/${run.id}`,
        ),
      (now) => now.status === "dead" && now.attempt === 6,
    );
    expect(again.history.filter(({ status }) => status === "dead").map(({ attempt }) => attempt)).toEqual([
      3, 6,
    ]);
    expect(again.history.map(({ cause }) => cause)).toContain("redriven");
  });

  test("are dropped with a reason", async () => {
    const run = await dead("drop/x.bin");
    expect(await post("/v1/dead-letters/drop", { run_ids: [run.id], reason: "known bad" })).toMatchObject({
      dropped: 1,
    });
    expect(await weir.read(`/v1/runs/${run.id}`)).toMatchObject({ status: "cancelled", reason: "known bad" });
  });

  test("are not taken by accident: a choice must be named", async () => {
    expect((await post("/v1/dead-letters/redrive", {})).status_code).toBe(400);
    expect((await post("/v1/dead-letters/drop", { all: true })).status_code).toBe(400);
  });
});

test("a paused pipeline loses nothing: its events wait, and run when it is resumed", async () => {
  expect(await post("/v1/pipelines/echo/pause", { reason: "a release" })).toMatchObject({ paused: true });
  await weir.notifyR2(await weir.put("test-media", "paused/x.txt", "x"));
  const waiting = await weir.until(
    () => weir.read<{ data: Run[] }>("/v1/runs?alias=echo&status=pending"),
    (page) => page.data.length === 1,
  );
  await cron();
  expect(await weir.read(`/v1/runs/${waiting.data[0]?.id}`)).toMatchObject({ status: "pending" });
  for (const query of ["", "?async=true"]) {
    const refused = await weir.invoke("echo", { payload: 1 }, query);
    expect([refused.status, await refused.json()]).toMatchObject([
      409,
      { detail: "pipeline echo is paused: a release" },
    ]);
  }
  const { data } = await weir.read<{ data: { alias: string; paused: unknown }[] }>("/v1/pipelines");
  expect(data.find(({ alias }) => alias === "echo")?.paused).toMatchObject({ reason: "a release" });
  await post("/v1/pipelines/echo/resume");
  await weir.until(
    () => weir.read<Run>(`/v1/runs/${waiting.data[0]?.id}`),
    (run) => run.status === "succeeded",
  );
});

test.each([
  ["an unknown pipeline", "/v1/replays", { select: { kind: "stale" }, aliases: ["nope"] }, 404],
  ["an unknown selection", "/v1/replays", { select: { kind: "everything" } }, 400],
  [
    "a filter that is none",
    "/v1/replays",
    { select: { kind: "stale" }, ...echo, filter: { a: [{ prefx: "b" }] } },
    400,
  ],
  ["produced by nothing named", "/v1/replays", { select: { kind: "produced_by" }, ...echo }, 400],
  ["an audit of no pipeline", "/v1/audits", { alias: "nope" }, 404],
  ["an unknown replay", "/v1/replays/rpl_nope/pause", {}, 404],
  ["a pause without a reason", "/v1/pipelines/echo/pause", {}, 400],
  ["a pause of no pipeline", "/v1/pipelines/nope/pause", { reason: "x" }, 404],
  ["a body beyond the cap", "/v1/dead-letters/redrive", { run_ids: ["x".repeat(150_000)] }, 413],
])("%s is refused clearly", async (_, path, body, status) => {
  expect((await post(path, body)).status_code).toBe(status);
});
