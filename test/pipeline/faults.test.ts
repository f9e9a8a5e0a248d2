// Faults at every point of an attempt, over real R2 and D1: a call that fails before it does anything, or
// after it has done all of it. Tried again, each ends as if nothing had happened.
import { afterAll, beforeAll, expect, test } from "vitest";
import { surroundings } from "../../src/env.ts";
import { compileFilter } from "../../src/match/index.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import type { Job } from "../../src/shapes/job.ts";
import type { Source } from "../../src/source/contract.ts";
import { r2Source } from "../../src/source/r2.ts";
import type { Collection } from "../../src/store/collections/contract.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import { r2Collection } from "../../src/store/collections/r2.ts";
import { type AttemptDeps, type Attempted, attemptAll } from "../../workers/pipeline/attempt.ts";
import { definePipeline } from "../../workers/pipeline/sdk.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores?.close());

type When = "before" | "after";
/** The n-th call of a method fails, before or after it has done its work. */
interface Fault {
  method: string;
  call: number;
  when: When;
}

/** Documented D1 errors: routine, and not retried for anybody (developers.cloudflare.com/d1/observability/debug-d1). */
const ERRORS = [
  "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
  "D1_ERROR: Network connection lost.",
];

function faulty<T extends object>(real: T, fault: Fault): T {
  let calls = 0;
  return new Proxy(real, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function" || name !== fault.method) return method;
      return async (...parameters: unknown[]) => {
        const fails = ++calls === fault.call;
        if (fails && fault.when === "before") throw new Error(ERRORS[0]);
        const result: unknown = await method.apply(target, parameters);
        if (fails) throw new Error(ERRORS[1]);
        return result;
      };
    },
  });
}

const config = pipelineConfigSchema.parse({
  alias: "p1",
  source: { connection_id: "c" },
  destination: { connection_id: "d", collection: "x" },
  retry: { max_attempts: 5, base_seconds: 0 },
});
let handled = 0;
const deps = (source: Source, collection: Collection): AttemptDeps => ({
  pipeline: definePipeline(async (event) => {
    handled++;
    const body = await (await stores.bucket.get(event.key))?.text();
    return [{ body }, { vector: new Float32Array([1, 2, 3]) }];
  }),
  config,
  filter: compileFilter({}),
  source,
  collection,
  compute: () => Promise.reject(new Error("no compute here")),
  version: "v",
  commit: "c",
  now: Date.now,
  random: () => 0,
});
const job = (key: string): Job => ({
  run_id: "r",
  alias: "p1",
  cause: "matched",
  attempts_before: 0,
  event: {
    id: "e",
    connection: "c",
    sender: "r2",
    type: "created",
    operation: "PutObject",
    bucket: "bucket",
    key,
    time: "2026-11-23T09:59:00.000Z",
    identities: [],
    hops: 0,
    received_at: "2026-11-23T09:59:01.000Z",
  },
});

/** Attempts until it is done, as the queue would. */
async function untilDone(one: Job, from: AttemptDeps): Promise<Attempted[]> {
  const attempts: Attempted[] = [];
  for (let attempt = 1; attempt <= config.retry.max_attempts; attempt++) {
    await attemptAll([{ job: one, attempt }], from, async (done) => void attempts.push(done));
    if (attempts.at(-1)?.next !== "retry") break;
  }
  return attempts;
}

const points: Fault[] = [
  { method: "begin", call: 1, when: "before" },
  { method: "begin", call: 1, when: "after" },
  { method: "observe", call: 1, when: "before" },
  { method: "observe", call: 2, when: "before" },
  { method: "observe", call: 2, when: "after" },
  { method: "replace", call: 1, when: "before" },
  { method: "replace", call: 1, when: "after" },
];
const places: [string, (name: string) => Collection][] = [
  ["D1", (name) => d1Collection(stores.collections, name)],
  ["R2", (name) => r2Collection(stores.bucket, name)],
];
const cases = places.flatMap(([place, open]) => points.map((fault) => ({ place, open, fault, ...fault })));

test.each(cases)(
  "$place: $method call $call failing $when its work ends as without it",
  async ({ place, open, fault }) => {
    const name = `fault-${place}-${fault.method}-${fault.call}-${fault.when}`;
    const real = open(name);
    await stores.bucket.put(name, "the object");
    const source = r2Source("c", surroundings({ R2_BUCKET: stores.bucket }));
    const attempts = await untilDone(job(name), deps(faulty(source, fault), faulty(real, fault)));
    expect(attempts.map(({ next }) => next)).toEqual(["retry", "done"]);
    // A store's fault is told as what it is: nobody's handler has failed.
    expect(attempts[0]?.report.failure).toMatchObject({ kind: "unavailable" });
    const { items } = await real.list({ limit: 10 });
    expect(items.map(({ data }) => data)).toEqual([{ body: "the object" }, { vector: null }]);
    expect(items[1]?.vectors[0]?.values).toEqual(new Float32Array([1, 2, 3]));
  },
);

test("the handler runs again only as often as it must", () => {
  // Once for each case, and once more where the fault came after it.
  const after = cases.filter(
    ({ method, call }) => method === "replace" || (method === "observe" && call === 2),
  );
  expect(handled).toBe(cases.length + after.length);
});
