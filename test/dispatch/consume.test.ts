// The router's queues over a real ledger that fails when it is told to: no message is lost or let go before what
// it says is on record, and one that is to blame does not take its neighbours with it.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openPipelines } from "../../src/dispatch/pipelines.ts";
import { openEnv } from "../../src/env.ts";
import { consume } from "../../src/queue/consume.ts";
import type { RouterDeps } from "../../src/routing/deps.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
/** What each call of the ledger fails with, while it is set. */
let outage: Error | undefined;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores?.close());
beforeEach(() => {
  outage = undefined;
});

const deps = (): RouterDeps => {
  const ledger = new Proxy(stores.ledger, {
    get: (db, name) => {
      if (outage && name === "batch") return () => Promise.reject(outage);
      const member: unknown = Reflect.get(db, name);
      return typeof member === "function" ? member.bind(db) : member;
    },
  });
  return {
    env: openEnv({ LEDGER: ledger }),
    connections: connectionsSchema.parse({
      connections: { c: { kind: "r2", buckets: ["bucket"], events: [{ scheme: "r2-queue" }] } },
    }),
    pipelines: openPipelines([]),
    now: Date.now,
    webhook: () => Promise.reject(new Error("no webhooks here")),
    handshake: () => new Response(),
  } as unknown as RouterDeps;
};
function message(body: unknown, attempts = 1) {
  const one = { id: "m", timestamp: new Date(), attempts, body, verdict: "done" };
  const retry = (options?: { delaySeconds?: number }) => {
    one.verdict = `again in ${options?.delaySeconds} s`;
  };
  return Object.assign(one, { retry, ack: () => undefined });
}
const notification = (key: string) => ({
  account: "a",
  action: "PutObject",
  bucket: "bucket",
  object: { key, size: 1, eTag: "e" },
  eventTime: new Date().toISOString(),
});
const taken = async (queue: string, ...messages: ReturnType<typeof message>[]) => {
  await consume({ queue, messages } as unknown as Parameters<typeof consume>[0], deps());
  return messages.map(({ verdict }) => verdict);
};
const isRecorded = async (key: string) =>
  (await stores.ledger.prepare("SELECT id FROM events WHERE key = ?").bind(key).first()) !== null;

test.each([
  "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
  "D1_ERROR: Network connection lost.",
  "D1_ERROR: Exceeded maximum DB size.",
])("while the ledger says %s, events come again, ever later, and then for days", async (text) => {
  const key = `outage/${text.length}`;
  outage = new Error(text);
  for (const [attempts, delay] of [
    [1, 10],
    [4, 80],
    [9, 600],
  ] as const)
    expect(await taken("weir-r2-events", message(notification(key), attempts))).toEqual([
      `again in ${delay} s`,
    ]);
  expect(await taken("weir-events-dead", message(notification(key), 3))).toEqual(["again in 3600 s"]);
  outage = undefined;
  // What the dead-letter queue is given is whatever its queues hold: here, R2's own words.
  expect(await taken("weir-events-dead", message(notification(key), 4))).toEqual(["done"]);
  expect(await isRecorded(key)).toBe(true);
});

test("a message that makes the ledger refuse is alone with it: its neighbours are recorded", async () => {
  const refused = { job: { run_id: null, alias: "a", event: { id: "e" } } };
  const good = {
    job: {
      run_id: "run_neighbour",
      alias: "a",
      event: { id: "evt_neighbour", key: "" },
      cause: "matched",
      attempts_before: 0,
    },
    failure: { kind: "bad_media", detail: "x" },
    attempts: 1,
  };
  expect(await taken("weir-dead", message(refused), message(good))).toEqual(["again in 10 s", "done"]);
  const letter = await stores.ledger
    .prepare("SELECT alias FROM dead_letters WHERE run_id = 'run_neighbour'")
    .first();
  expect(letter).toEqual({ alias: "a" });
});

test("a report that came to the dead-letter queue is still taken as the report that it is", async () => {
  const report = { run_id: "run_x", attempt: 1, status: "running", version: "v", commit: "c", started_at: 1 };
  outage = new Error("D1_ERROR: Network connection lost.");
  expect(await taken("weir-events-dead", message(report))).toEqual(["again in 3600 s"]);
  outage = undefined;
  expect(await taken("weir-events-dead", message(report))).toEqual(["done"]);
});
