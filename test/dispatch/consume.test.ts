// The router's queues over a ledger that fails when it is told to: no message is lost or let go before what
// it says is on record, and one that is to blame does not take its neighbours with it.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openPipelines } from "../../src/dispatch/pipelines.ts";
import { consume } from "../../src/queue/consume.ts";
import type { RouterDeps } from "../../src/routing/deps.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import { runId } from "../../src/shapes/event-id.ts";
import type { CommitEvent } from "../../src/store/ledger/contract.ts";
import { type LedgerInNode, openLedger } from "../support/ledger.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
let ledger: LedgerInNode;
/** What each call of the ledger fails with, while it is set. */
let outage: Error | undefined;
beforeAll(async () => {
  stores = await openStores();
  const failing = <T extends object>(store: T, method: string, fail: () => unknown): T =>
    new Proxy(store, {
      get: (target, name) => {
        if (outage && name === method) return fail;
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  const failed = () => Promise.reject(outage);
  const statement = { bind: () => statement, all: failed, first: failed, run: failed };
  ledger = openLedger({
    ledger: failing(stores.ledger, "prepare", () => statement),
    archive: failing(stores.archive, "put", failed),
  });
});
afterAll(() => stores?.close());
beforeEach(() => {
  outage = undefined;
});

const deps = (): RouterDeps => {
  return {
    env: ledger.env,
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
  (await ledger.log.walk({ order: "newest first", key }, undefined, 1)).entries.length === 1;

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

test("a dead job that is none is alone with it: its neighbours are recorded", async () => {
  const refused = { job: { run_id: null, alias: "a", event: { id: "e" } } };
  const event = {
    ...{
      id: `evt_${"0".repeat(32)}`,
      connection: "c",
      sender: "invoke",
      type: "created",
      operation: "Invoke",
    },
    ...{ bucket: "", key: "", time: "2026-11-23T10:00:00.000Z", received_at: "2026-11-23T10:00:00.000Z" },
    ...{ identities: [], hops: 0 },
  };
  const run = runId(event.id, "a");
  const good = {
    job: {
      run_id: run,
      alias: "a",
      event,
      cause: "matched",
      attempts_before: 0,
    },
    failure: { kind: "bad_media", detail: "x" },
    attempts: 1,
  };
  const commit = { event, lookups: [], matched: ["a"], cause: "invoked" } as unknown as CommitEvent;
  await ledger.shards.commit([commit], { now: Date.now(), paused: [], binding: [] });
  expect(await taken("weir-dead", message(refused), message(good))).toEqual(["done", "done"]);
  expect(await ledger.shards.letter(run)).toMatchObject({ alias: "a" });
});

test("a report that came to the dead-letter queue is still taken as the report that it is", async () => {
  const report = {
    ...{ run_id: runId(`evt_${"0".repeat(32)}`, "a"), attempt: 1, status: "running" },
    ...{ version: "v", commit: "c", started_at: 1 },
  };
  const messages = [{ kind: "finish", reports: [report] }, report];
  outage = new Error("D1_ERROR: Network connection lost.");
  const due = { kind: "dead", alias: "a", detail: "x", runs: 1, at: 1 };
  expect(await taken("weir-events-dead", message(due))).toEqual(["again in 3600 s"]);
  outage = undefined;
  for (const body of [due, ...messages])
    expect(await taken("weir-events-dead", message(body))).toEqual(["done"]);
});
