// kill -9 of all of `weir dev` at random moments, and start again on what it had stored: what was answered comes to
// its end, on record or still in a queue, and a replay goes on where it was. reload.test.ts ends parts of it.
// WEIR_SEED repeats a run's changes; WEIR_KILLS=50 WEIR_REPLAYED=5000 make a longer one.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Client, Told } from "../support/client.ts";
import { type Dev, devProject } from "../support/dev.ts";

const SEED = Number(process.env.WEIR_SEED ?? Date.now() % 1_000_000);
const KILLS = Number(process.env.WEIR_KILLS ?? 3);
const REPLAYED = Number(process.env.WEIR_REPLAYED ?? 200);
const ALIASES = ["mirror", "mirror-queue"];
const COLLECTIONS = ["mirrored", "mirrored_lake"];
const BUCKET = "test-media";
/** Objects that are changed before each kill, and how many changes are under way at once. */
const OBJECTS = 40;
const LANES = 4;

let project: ReturnType<typeof devProject>;
let dev: Dev;
beforeAll(async () => {
  project = devProject(ALIASES, ["conn_media", "conn_items", "conn_lake"]);
  dev = await project.start();
}, 300_000);
afterAll(() => project?.close());

interface Change {
  object: number;
  op: "put" | "put" | "delete";
  by: "r2" | "webhook" | "invoke";
}
/** What is done until the kill, which comes in the middle of it, and when that is. */
const life = fc.record({
  changes: fc.array(
    fc.record<Change>({
      object: fc.nat(OBJECTS - 1),
      op: fc.constantFrom("put", "put", "put", "delete"),
      by: fc.constantFrom("r2", "webhook", "invoke"),
    }),
    { minLength: 1_000, maxLength: 1_000 },
  ),
  // Queues wait a second for a batch to fill: this reaches from before the first to after the third of them.
  killedAfterMs: fc.noBias(fc.integer({ min: 300, max: 4_000 })),
});

/** The last change of an object, and what was answered to whoever told of it. */
interface Last {
  told?: Told;
  runs: string[];
}

test(
  `killed ${KILLS} times, it loses nothing that was answered and is on record`,
  async () => {
    console.log(`WEIR_SEED=${SEED}`);
    const lives = fc.sample(life, { seed: SEED, numRuns: KILLS });
    const everyKey: string[] = [];
    for (const [n, { changes, killedAfterMs }] of lives.entries()) {
      const keyOf = (object: number) => `killed/${n}/${object}.bin`;
      const lived = await liveUntilKilled(changes, keyOf, killedAfterMs);
      dev = await project.start();
      // Objects whose last change was answered come to be as the bucket has them.
      const answered = [...lived.last].filter(([, { told, runs }]) => told || runs.length === ALIASES.length);
      await dev.client.until(
        async () => {
          const seen = [];
          for (const [key] of answered) seen.push([key, await held(key), await wanted(key)] as const);
          return seen.filter(([, has, should]) => JSON.stringify(has) !== JSON.stringify(should));
        },
        (differing) => differing.length === 0,
        90_000,
      );
      await nothingIsOpen(dev.client);
      // What was seen on record is still there, and every event and invocation that was answered has come to its end.
      const events = await dev.client.all<{ id: string; key: string; time: string }>("/v1/events");
      expect(lived.seen.filter((id) => !events.some((event) => event.id === id))).toEqual([]);
      for (const [key, { told, runs }] of lived.last)
        if (told && runs.length === 0)
          expect(events.map((event) => `${event.key} ${event.time}`)).toContain(`${key} ${told.eventTime}`);
      for (const run of lived.answeredRuns) {
        const { status } = await dev.client.read<{ status: string }>(`/v1/runs/${run}`);
        // Skipped: its object was deleted or overwritten since.
        expect(["succeeded", "skipped"]).toContain(status);
      }
      everyKey.push(...lived.last.keys());
      console.log(
        `killed after ${killedAfterMs} ms: ${lived.answered} changes were answered 2xx; of ${lived.last.size} objects, ` +
          `the last change of ${lived.last.size - answered.length} was not told yet`,
      );
      expect(lived.answered).toBeGreaterThan(0);
    }
    // What nobody was told of: the audit finds it, and nothing else is left to find.
    await Promise.all(ALIASES.map((alias) => audit(alias, true)));
    for (const key of everyKey) expect([key, await held(key)]).toEqual([key, await wanted(key)]);
    expect(await Promise.all(ALIASES.map((alias) => audit(alias, false)))).toEqual([0, 0]);
  },
  60_000 + KILLS * 40_000,
);

/** Changes objects and tells of it, until everything is killed. */
async function liveUntilKilled(changes: Change[], keyOf: (object: number) => string, killedAfterMs: number) {
  const { client } = dev;
  const lived = {
    last: new Map<string, Last>(),
    answeredRuns: [] as string[],
    answered: 0,
    seen: [] as string[],
  };
  let over = false;
  // An object's changes are one lane's, so that the last of them is known.
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    for (const [n, { object, op, by }] of changes.entries()) {
      if (object % LANES !== lane) continue;
      const key = keyOf(object);
      const last: Last = { runs: [] };
      lived.last.set(key, last);
      const told =
        op === "delete"
          ? await client.remove(BUCKET, key)
          : await client.put(BUCKET, key, `${key} written ${n}`, { keep: "yes" });
      if (by === "invoke") {
        for (const alias of ALIASES) {
          const response = await client.invoke(alias, { bucket: BUCKET, key }, "?async=true");
          const { run_id } = (await response.json()) as { run_id: string };
          expect(response.status).toBe(202);
          lived.answeredRuns.push(run_id);
          last.runs.push(run_id);
        }
      } else if (by === "r2") await client.notifyR2(told);
      else expect((await client.deliver("conn_media", client.s3Records(told))).status).toBe(202);
      last.told = told;
      lived.answered++;
      if (over) return;
    }
  });
  const watching = (async () => {
    for (;;) {
      const { data } = await client.read<{ data: { id: string }[] }>("/v1/events?limit=200");
      lived.seen = data.map(({ id }) => id);
      if (over) return;
    }
  })();
  const work = Promise.allSettled([...lanes, watching]);
  await new Promise((resolve) => setTimeout(resolve, killedAfterMs));
  await dev.kill();
  over = true;
  // Whatever was under way was cut off; anything else that went wrong is told.
  for (const one of await work) {
    if (one.status === "rejected" && !/fetch failed|terminated|ECONN/.test(String(one.reason)))
      throw one.reason;
  }
  return lived;
}

/** What both collections hold of a key: each one's body, or null. */
const held = (key: string) =>
  Promise.all(
    COLLECTIONS.map(async (collection) => {
      const items = await dev.client.items(collection, key);
      return items.length > 1 ? `${items.length} items` : (items[0]?.data.body ?? null);
    }),
  );
/** What the bucket says that they should. */
const wanted = async (key: string) => {
  const object = await dev.client.object(BUCKET, key);
  return COLLECTIONS.map(() => object?.body ?? null);
};

async function nothingIsOpen(client: Client): Promise<void> {
  for (const status of ["pending", "queued", "running", "failed"]) {
    await client.until(
      () => client.read<{ data: unknown[] }>(`/v1/runs?status=${status}&limit=1`),
      ({ data }) => data.length === 0,
    );
  }
}

test("20 events that were answered 202, everything killed at once: 20 are on record and have run", async () => {
  const { client } = dev;
  const keys = Array.from({ length: 20 }, (_, n) => `at-once/${n}.bin`);
  const told = await Promise.all(keys.map((key) => client.put(BUCKET, key, key, { keep: "yes" })));
  const answers = await Promise.all(
    told.map((one) => client.deliver("conn_media", client.s3Records(one)).then(({ status }) => status)),
  );
  await dev.kill();
  expect(answers).toEqual(keys.map(() => 202));

  dev = await project.start();
  const recorded = async () =>
    (await dev.client.all<{ key: string }>("/v1/events")).filter(({ key }) => key.startsWith("at-once/"))
      .length;
  await dev.client.until(recorded, (count) => count === keys.length);
  await nothingIsOpen(dev.client);
  for (const key of keys) expect([key, await held(key)]).toEqual([key, [key, key]]);
}, 240_000);

interface Replay {
  id: string;
  status: string;
  plan: { objects: number };
  progress: {
    planned: number | null;
    enqueued: number;
    open: number;
    succeeded: number;
    dead: number;
    skipped: number;
  };
}
const replayed = (id: string) =>
  dev.client.until(
    () => dev.client.read<Replay>(`/v1/replays/${id}`),
    ({ status }) => status === "done",
    120_000,
  );
/** How many objects differ from what the collection holds. */
const audit = async (alias: string, repair: boolean) =>
  (await replayed((await dev.client.post<Replay>("/v1/audits", { alias, prefix: "killed/", repair })).id))
    .plan.objects;

test(
  `a replay of ${REPLAYED} objects, killed at 40 %, started again, paused and resumed, does each once and never goes back`,
  async () => {
    const keys = Array.from({ length: REPLAYED }, (_, n) => `replayed/${n}.bin`);
    for (let at = 0; at < keys.length; at += 25)
      await Promise.all(
        keys
          .slice(at, at + 25)
          .map((key) => dev.client.put(BUCKET, key, `${key} as it was`, { keep: "yes" })),
      );
    const select = { kind: "listing", prefix: "replayed/" };
    const { id } = await dev.client.post<Replay>("/v1/replays", { select, aliases: ["mirror"] });
    const samples: Replay["progress"][] = [];
    const until = (isSo: (replay: Replay) => boolean) =>
      dev.client.until(
        async () => {
          const now = await dev.client.read<Replay>(`/v1/replays/${id}`);
          samples.push(now.progress);
          return now;
        },
        isSo,
        60_000 + REPLAYED * 50,
      );
    await until(({ progress }) => progress.succeeded >= REPLAYED * 0.4);
    await dev.kill();
    dev = await project.start();
    await until(({ progress }) => progress.succeeded >= REPLAYED * 0.6);
    await dev.client.post(`/v1/replays/${id}/pause`);
    const paused = await until(({ progress }) => progress.open === 0);
    expect(paused.status).toBe("paused");
    await dev.client.post(`/v1/replays/${id}/resume`);
    const done = await until(({ status }) => status === "done");

    expect(done.progress).toMatchObject({
      planned: REPLAYED,
      enqueued: REPLAYED,
      succeeded: REPLAYED,
      open: 0,
      dead: 0,
    });
    for (const [n, now] of samples.entries()) {
      const before = samples[n - 1] ?? now;
      expect(now.succeeded).toBeGreaterThanOrEqual(before.succeeded);
      expect(now.enqueued).toBeGreaterThanOrEqual(before.enqueued);
      expect(now.planned ?? REPLAYED).toBe(REPLAYED);
      expect(now.enqueued).toBeLessThanOrEqual(REPLAYED);
    }
    // Once in effect: one run of the replay for each object, and one item of each, as the bucket has it.
    const runs = await dev.client.all<{ replay_id: string | null; object: { key: string } }>(
      "/v1/runs?alias=mirror",
    );
    const own = runs.filter((run) => run.replay_id === id).map((run) => run.object.key);
    expect(own.sort()).toEqual(keys.toSorted());
    const items = await dev.client.all<{ object: { key: string }; data: { body: string } }>(
      "/v1/collections/mirrored/items",
    );
    const stored = items.filter(({ object }) => object.key.startsWith("replayed/"));
    expect(stored.map(({ data }) => data.body).sort()).toEqual(keys.map((key) => `${key} as it was`).sort());
  },
  180_000 + REPLAYED * 200,
);

test("a replay that is cancelled stops within a page, and what was under way ends", async () => {
  const select = { kind: "listing", prefix: "replayed/" };
  const { id } = await dev.client.post<Replay>("/v1/replays", { select, aliases: ["mirror-queue"] });
  const now = () => dev.client.read<Replay>(`/v1/replays/${id}`);
  await dev.client.until(now, ({ progress }) => progress.enqueued > 0, 60_000);
  const cancelled = await dev.client.post<Replay>(`/v1/replays/${id}/cancel`);
  const ended = await dev.client.until(now, ({ progress }) => progress.open === 0, 60_000);
  expect(ended.status).toBe("cancelled");
  // The page that was being enqueued when it was cancelled is of a hundred objects at most.
  expect(ended.progress.enqueued).toBeLessThanOrEqual(cancelled.progress.enqueued + 100);
  expect(ended.progress.enqueued).toBeLessThan(REPLAYED);
  expect(ended.progress.succeeded).toBe(ended.progress.enqueued);
}, 120_000);
