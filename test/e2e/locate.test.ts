// "Where is my file?": objects found by key, by the beginning of one, and by ids, and what is said of each.
import { afterAll, beforeAll, expect, test } from "vitest";
import { clientOf } from "../../cli/operate/client.ts";
import { wholeEventId, wholeRunId } from "../../cli/operate/short-id.ts";
import type { Located } from "../../src/client/operations.generated.ts";
import { shortIdOf } from "../../src/shapes/event-id.ts";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
  await weir.notifyR2(await weir.put("test-media", "where/stored.txt", "hello"));
  await weir.notifyR2(await weir.put("test-media", "where/broken.bin", "x", { broken: "yes" }));
  await weir.notifyR2(await weir.put("test-media", "where/nobody.xyz", "x"));
  await weir.settled("where/stored.txt", 1);
  await weir.settled("where/broken.bin", 1);
  await weir.until(
    () => weir.read<{ data: unknown[] }>("/v1/events?key=where/nobody.xyz"),
    ({ data }) => data.length > 0,
  );
}, 120_000);
afterAll(() => weir?.close());

const locate = (q: string, more = "") => weir.read<Located>(`/v1/locate?q=${encodeURIComponent(q)}${more}`);

test("a whole key is found with its event, its pipelines, what is stored, and a timeline that ends findable", async () => {
  const { found, data } = await locate("where/stored.txt");
  expect(found).toEqual({ kind: "key", id: null, collection: null });
  const [object] = data;
  expect(data).toHaveLength(1);
  expect(object).toMatchObject({
    ...{ connection: "conn_media", bucket: "test-media", key: "where/stored.txt", state: "stored" },
    event: { sender: "r2", type: "created", operation: "PutObject" },
    stored: [{ alias: "echo", items: 1, stale: false }],
  });
  expect(object?.says).toBe("Its items are stored: 1 by echo.");
  const echo = object?.pipelines.find(({ alias }) => alias === "echo");
  expect(echo).toMatchObject({ matched: true, verdict: true, run: { status: "succeeded", items: 1 } });
  const refused = object?.pipelines.find(({ matched }) => !matched);
  expect(refused).toMatchObject({ verdict: false, run: null, findable_at: null });
  expect(refused?.clauses.some(({ verdict }) => verdict === false)).toBe(true);
  const steps = object?.timeline.map(({ step }) => step) ?? [];
  expect(steps.slice(0, 3)).toEqual(["happened", "received", "decided"]);
  // The shard hears of the end after it: by its clock the items were findable before.
  expect(steps.slice(-3).toSorted()).toEqual(["findable", "stored", "succeeded"]);
  expect(steps.indexOf("stored")).toBeLessThan(steps.indexOf("findable"));
  expect(object?.timeline.map(({ at }) => at)).toEqual(object?.timeline.map(({ at }) => at).toSorted());
});

test("what died and what nobody wanted are found by the beginning of their keys, with why", async () => {
  const { found, data, more } = await locate("where/");
  expect([found.kind, more]).toEqual(["prefix", false]);
  expect(data.map(({ key, state }) => [key, state])).toEqual([
    ["where/broken.bin", "dead"],
    ["where/nobody.xyz", "refused"],
    ["where/stored.txt", "stored"],
  ]);
  expect(data[1]?.says).toMatch(/^No pipeline wanted it\. \S+: ./);
  const cut = await locate("where/", "&limit=1");
  expect([cut.data.length, cut.more]).toEqual([1, true]);
});

test("an event, a run, an item and a replay lead to their object", async () => {
  const [object] = (await locate("where/stored.txt")).data;
  const run = object?.stored[0]?.run_id ?? "";
  const [item] = (
    await weir.read<{ data: { id: string }[] }>("/v1/collections/echoes/items?key=where/stored.txt")
  ).data;
  for (const [kind, id] of [
    ["event", object?.event?.id ?? ""],
    ["run", run],
    ["item", item?.id ?? ""],
  ] as const) {
    const { found, data } = await locate(id);
    expect(found).toMatchObject({ kind, id });
    expect(data).toMatchObject([
      { key: "where/stored.txt", state: "stored", event: { id: object?.event?.id } },
    ]);
  }
  const replay = await weir.post<{ id: string }>("/v1/replays", {
    ...{ select: { kind: "stale" }, aliases: ["echo"], dry_run: true },
  });
  expect(await locate(replay.id)).toEqual({
    ...{ found: { kind: "replay", id: replay.id, collection: null }, data: [], more: false },
  });
});

test("what is not there is nothing, and an empty question is refused", async () => {
  expect(await locate("where/else")).toMatchObject({ found: { kind: "nothing" }, data: [] });
  expect(await locate("evt_00000000000000000000000000000000")).toMatchObject({ found: { kind: "nothing" } });
  expect((await weir.api("/v1/locate?q=")).status).toBe(400);
});

test("while its pipeline is paused an object waits; removed, its items are gone", async () => {
  await weir.post("/v1/pipelines/echo/pause", { reason: "where" });
  await weir.notifyR2(await weir.put("test-media", "where/waits.txt", "x"));
  const waits = await weir.until(
    () => locate("where/waits.txt"),
    ({ data }) => data.length > 0,
  );
  expect(waits.data).toMatchObject([{ state: "waiting", says: "It waits for echo.", stored: [] }]);
  await weir.post("/v1/pipelines/echo/resume");
  await weir.until(
    () => locate("where/waits.txt"),
    ({ data }) => data[0]?.state === "stored",
  );
  await weir.notifyR2(await weir.remove("test-media", "where/waits.txt"));
  await weir.until(
    () => locate("where/waits.txt"),
    ({ data }) => data[0]?.state === "removed",
  );
});

test("the short id of a table leads to its event and its run, in every command that takes an id", async () => {
  const [one] = (await locate("where/broken.bin")).data;
  const [eventId = "", run] = [one?.event?.id, one?.pipelines.find(({ run }) => run)?.run];
  const short = shortIdOf(eventId);
  expect(short).toHaveLength(13);
  expect(shortIdOf(run?.id ?? "")).toBe(`${short}_${run?.alias}`);
  expect((await locate(short)).found).toEqual({ kind: "event", id: eventId, collection: null });
  expect((await locate(`${short}_${run?.alias}`)).found).toEqual({
    kind: "run",
    id: run?.id,
    collection: null,
  });
  const client = clientOf(weir.base, API_KEY);
  expect(await wholeEventId(client, short)).toBe(eventId);
  expect(await wholeEventId(client, eventId)).toBe(eventId);
  expect(await wholeRunId(client, `${short}_${run?.alias}`)).toBe(run?.id);
  await expect(wholeRunId(client, "0000001-00000")).rejects.toMatchObject({ code: 4 });
});
