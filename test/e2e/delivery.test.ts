// Delivery through the real local queues: a queue that outlives its consumer gives it again what it did not
// take (what kill.test.ts cannot show, as local queues die with the process); events at once; poison in a batch;
// a pipeline that only fails.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Run, startWeir, type Weir } from "../support/weir.ts";

interface Ledger {
  prepare(sql: string): { run(): Promise<unknown> };
}
let weir: Weir;
let ledger: Ledger;
beforeAll(async () => {
  weir = await startWeir();
  ledger = (await weir.harness.getWorker<{ LEDGER: Ledger }>("weir").getEnv()).LEDGER;
}, 120_000);
afterAll(() => weir?.close());

const eventsOf = async (key: string) =>
  (await weir.read<{ data: { id: string }[] }>(`/v1/events?key=${encodeURIComponent(key)}`)).data;
const recorded = (key: string) =>
  weir.until(
    () => eventsOf(key),
    (events) => events.length > 0,
  );
const historyOf = ({ id }: Run) =>
  weir.read<{ history: { status: string; attempt: number }[] }>(`/v1/runs/${id}`);
const logged = (text: string) => weir.harness.getLogs().some(({ message }) => message.includes(text));

test("a batch that its consumer could not commit comes again: each of its events is recorded once and runs once", async () => {
  // A table of the ledger cannot be read for a while.
  await ledger.prepare("ALTER TABLE paused RENAME TO paused_elsewhere").run();
  const keys = Array.from({ length: 9 }, (_, n) => `redelivered/${n}.txt`);
  const objects = await Promise.all(keys.map((key) => weir.put("test-media", key, key)));
  const answers = await Promise.all(
    objects.map((object) => weir.deliver("conn_media", weir.s3Records(object))),
  );
  expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 202));
  await weir.until(
    async () => logged("no such table: paused"),
    (refused) => refused,
  );
  expect(await eventsOf("redelivered/4.txt")).toEqual([]);
  await ledger.prepare("ALTER TABLE paused_elsewhere RENAME TO paused").run();
  for (const key of keys) {
    await recorded(key);
    expect(await weir.settled(key, 1)).toMatchObject([{ alias: "echo", status: "succeeded", attempt: 1 }]);
    expect(await eventsOf(key)).toHaveLength(1);
    expect(await weir.items("echoes", key)).toHaveLength(1);
  }
}, 90_000);

test("a hundred identical events at once are one event and one run, tried once", async () => {
  const object = await weir.put("test-media", "hundred/one.txt", "x");
  const body = weir.s3Records(object);
  await Promise.all(
    Array.from({ length: 100 }, (_, n) => (n % 2 ? weir.notifyR2(object) : weir.deliver("conn_media", body))),
  );
  // Told after them by both ways: so have they been taken in.
  const after = ["r2", "s3"].map((by) => ({ ...object, key: `hundred/after.${by}`, eTag: by }));
  await Promise.all(
    after.map((one, n) => (n === 0 ? weir.notifyR2(one) : weir.deliver("conn_media", weir.s3Records(one)))),
  );
  for (const { key } of after) await recorded(key);
  const [run] = await weir.settled(object.key, 1);
  expect(await eventsOf(object.key)).toHaveLength(1);
  const runs = await weir.all<Run & { object: { key: string } }>("/v1/runs?alias=echo");
  expect(runs.filter((one) => one.object.key === object.key)).toMatchObject([
    { status: "succeeded", attempt: 1 },
  ]);
  const { history } = await historyOf(run as Run);
  expect(history.filter(({ status }) => status === "succeeded")).toHaveLength(1);
});

test("poison in a batch ends dead after exactly the attempts configured, and its neighbours run once", async () => {
  const objects = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      weir.put("test-media", `poison/${n}.bin`, "x", { keep: "yes", fails: n === 3 ? "1000" : "0" }),
    ),
  );
  await Promise.all(objects.map((object) => weir.notifyR2(object)));
  for (const [n, { key }] of objects.entries()) {
    await recorded(key);
    const runs = await weir.settled(key, 2);
    const ended = n === 3 ? { status: "dead", attempt: 12 } : { status: "succeeded", attempt: 1, items: 1 };
    // One pipeline was called by binding, the other through its queue.
    expect(runs.map(({ alias }) => alias).sort()).toEqual(["mirror", "mirror-queue"]);
    expect(runs).toMatchObject([ended, ended]);
    for (const run of runs) {
      const tried = (await historyOf(run)).history.map(({ attempt }) => attempt);
      expect(Math.max(...tried)).toBe(ended.attempt);
    }
  }
  const { data } = await weir.read<{ data: { object: { key: string }; attempts: number }[] }>(
    "/v1/dead-letters?limit=200",
  );
  const letters = data.filter(({ object }) => object.key.startsWith("poison/"));
  expect(letters).toMatchObject([{ attempts: 12 }, { attempts: 12 }]);
}, 90_000);

test("a pipeline of which twenty runs end dead and none succeeds is paused by itself; what comes then waits", async () => {
  const keys = Array.from({ length: 20 }, (_, n) => `broken/${n}.bin`);
  const objects = await Promise.all(keys.map((key) => weir.put("test-media", key, "x", { broken: "yes" })));
  await Promise.all(objects.map((object) => weir.notifyR2(object)));
  await weir.until(
    () => weir.all<object>("/v1/dead-letters?alias=always-throws"),
    (letters) => letters.length === keys.length,
  );
  // The deaths come to the router by a queue, and the cron looks at them.
  const { data } = await weir.until(
    async () => {
      await weir.ringCron();
      return weir.read<{ data: { alias: string; paused: { reason: string } | null }[] }>("/v1/pipelines");
    },
    (list) => list.data.some((one) => one.paused !== null),
  );
  const paused = data.filter((one) => one.paused !== null);
  expect(paused.map(({ alias }) => alias)).toEqual(["always-throws"]);
  expect(paused[0]?.paused?.reason).toMatch(
    /^circuit breaker: 20 runs ended dead and none succeeded; .*cannot read the bug/,
  );
  await weir.notifyR2(await weir.put("test-media", "broken/later.bin", "x", { broken: "yes" }));
  const [later] = await recorded("broken/later.bin");
  expect((await weir.read<{ data: Run[] }>(`/v1/runs?event_id=${later?.id}`)).data).toMatchObject([
    { status: "pending", attempt: 0 },
  ]);
}, 60_000);
