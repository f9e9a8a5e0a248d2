// One attempt at one job, over real R2 and D1: whatever happens to the object while a handler runs, the
// collection ends as the object is.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openEnv } from "../../src/env.ts";
import { compileFilter } from "../../src/match/index.ts";
import { type PipelineConfig, pipelineConfigSchema } from "../../src/shapes/config.ts";
import { FailureError } from "../../src/shapes/failure.ts";
import type { Job } from "../../src/shapes/job.ts";
import type { Source } from "../../src/source/contract.ts";
import { r2Source } from "../../src/source/r2.ts";
import type { Collection } from "../../src/store/collections/contract.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import { isPassing, storeFailure } from "../../src/store/failure.ts";
import { type Attempted, attemptAll } from "../../workers/pipeline/attempt.ts";
import type { RunDeps } from "../../workers/pipeline/run.ts";
import { definePipeline, type Handler } from "../../workers/pipeline/sdk.ts";
import { noCompute } from "../support/no-compute.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
let source: Source;
let number = 0;
let collection: Collection;
beforeAll(async () => {
  stores = await openStores();
  const env = { R2_BUCKET: stores.bucket, WEIR_URL: "http://router.test", WEIR_SIGNING_KEY: "k" };
  source = r2Source("c", openEnv(env));
});
afterAll(() => stores?.close());
beforeEach(() => {
  collection = d1Collection(stores.collections, `run-${number++}`);
});

const NOW = Date.parse("2026-11-23T10:00:00Z");
const config = (more: object = {}): PipelineConfig =>
  pipelineConfigSchema.parse({
    alias: "p1",
    source: { connection_id: "c", filters: { keep: "yes" } },
    destination: { connection_id: "d", collection: "x" },
    retry: { max_attempts: 3, base_seconds: 4 },
    ...more,
  });
const deps = (handler: Handler, more: object = {}, over: Partial<RunDeps> = {}): RunDeps => {
  const parsed = config(more);
  return {
    pipeline: definePipeline(handler),
    config: parsed,
    filter: compileFilter(parsed.source.filters),
    source,
    collection,
    ...noCompute,
    version: "v",
    commit: "c",
    now: () => NOW,
    random: () => 0.5,
    ...over,
  };
};
let runs = 0;
const job = (key: string, more: Partial<Job> = {}): Job => ({
  run_id: `run_${runs++}`,
  alias: "p1",
  cause: "matched",
  attempts_before: 0,
  event: {
    id: `evt_${key}`,
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
  ...more,
});
const put = (key: string, body: string, keep = "yes") =>
  stores.bucket.put(key, body, { customMetadata: { keep } });
const read: Handler = async (event) => [{ body: await (await stores.bucket.get(event.key))?.text() }];

async function attempt(one: Job, from: RunDeps, attemptNumber = 1): Promise<Attempted> {
  let result: Attempted | undefined;
  await attemptAll([{ job: one, attempt: attemptNumber }], from, async (done) => {
    result = done;
  });
  if (!result) throw new Error("nothing was attempted");
  return result;
}
const stored = async () => (await collection.list({ limit: 100 })).items.map(({ data }) => data.body);

describe("what the collection holds after a run is what the object is now", () => {
  test("present and passing: what the handler returned, with the version that it read", async () => {
    const object = await put("plain", "one");
    const { report } = await attempt(job("plain"), deps(read));
    expect(report).toMatchObject({
      status: "succeeded",
      items: 1,
      etag: object?.etag,
      version: "v",
      commit: "c",
    });
    expect(await stored()).toEqual(["one"]);
  });

  test("overwritten while the handler ran: the newer, in the same attempt", async () => {
    await put("over", "old");
    let calls = 0;
    const handler: Handler = async (event, context) => {
      const items = await read(event, context);
      if (calls++ === 0) await put("over", "new");
      return items;
    };
    expect((await attempt(job("over"), deps(handler))).report).toMatchObject({
      status: "succeeded",
      attempt: 1,
    });
    expect(await stored()).toEqual(["new"]);
    expect(calls).toBe(2);
  });

  test("overwritten without end: a failure to try again, and nothing is stored", async () => {
    await put("restless", "0");
    let writes = 1;
    const { next, report } = await attempt(
      job("restless"),
      deps(async (event, context) => {
        const items = await read(event, context);
        await put("restless", String(writes++));
        return items;
      }),
    );
    expect(next).toBe("retry");
    expect(report.failure).toMatchObject({
      kind: "conflict",
      detail: expect.stringContaining("bucket/restless"),
    });
    expect(await stored()).toEqual([]);
  });

  test("gone while the handler ran: nothing, not even what it had before", async () => {
    await put("vanishing", "here");
    await attempt(job("vanishing"), deps(read));
    const { report } = await attempt(
      job("vanishing"),
      deps(async () => {
        await stores.bucket.delete("vanishing");
        throw new FailureError({ kind: "object_gone", detail: "compute could not find it" });
      }),
    );
    expect(report).toMatchObject({ status: "skipped", items: 0, reason: expect.stringContaining("gone") });
    expect(await stored()).toEqual([]);
  });

  test("gone, of a pipeline that keeps: as it was", async () => {
    await put("kept", "here");
    const keeping = { on_delete: "keep" };
    await attempt(job("kept"), deps(read, keeping));
    await stores.bucket.delete("kept");
    expect((await attempt(job("kept"), deps(read, keeping))).report).toMatchObject({ status: "skipped" });
    expect(await stored()).toEqual(["here"]);
  });

  test("no longer passing the filter: nothing, with the clause as the reason", async () => {
    await put("changed", "a");
    await attempt(job("changed"), deps(read));
    await put("changed", "b", "no");
    const { report } = await attempt(job("changed", { cause: "tracked" }), deps(read));
    expect(report).toMatchObject({
      status: "succeeded",
      items: 0,
      reason: expect.stringContaining('metadata.keep is "no"'),
    });
    expect(await stored()).toEqual([]);
  });

  test("still passing, told by an event that the pipeline does not want: as it was, and no handler ran", async () => {
    await put("tagged", "a");
    const filters = { source: { connection_id: "c", filters: { keep: "yes", type: "created" } } };
    await attempt(job("tagged"), deps(read, filters));
    const untouched = deps(() => {
      throw new Error("must not run");
    }, filters);
    const told = job("tagged", { cause: "tracked" });
    const { report } = await attempt({ ...told, event: { ...told.event, type: "tagged" } }, untouched);
    expect(report).toMatchObject({ status: "skipped", reason: expect.stringContaining("type") });
    expect(report.items).toBeUndefined();
    expect(await stored()).toEqual(["a"]);
  });

  test("an older run that ends last changes nothing", async () => {
    await put("raced", "old");
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let started = () => {};
    const begun = new Promise<void>((resolve) => {
      started = resolve;
    });
    const slow = attempt(
      job("raced"),
      deps(async (event, context) => {
        const items = await read(event, context);
        started();
        await held;
        return items;
      }),
    );
    await begun;
    await attempt(
      job("raced"),
      deps(async () => [{ body: "by the later run" }]),
    );
    release();
    expect((await slow).report).toMatchObject({
      status: "skipped",
      reason: expect.stringContaining("began later"),
      // Whoever invoked it hears a 409, not that the object is gone.
      failure: { kind: "superseded" },
    });
    expect(await stored()).toEqual(["by the later run"]);
  });
});

describe("what a failure leads to", () => {
  const failing = (kind: FailureError["failure"]["kind"], more: object = {}) =>
    deps(() => {
      throw new FailureError({ kind, detail: "as told", ...more });
    });
  beforeAll(() => put("failing", "x"));

  test("a passing one is tried again until the attempts are spent, then dead", async () => {
    expect((await attempt(job("failing"), failing("unavailable"), 1)).next).toBe("retry");
    expect((await attempt(job("failing"), failing("unavailable"), 2)).next).toBe("retry");
    const last = await attempt(job("failing"), failing("unavailable"), 3);
    expect(last).toMatchObject({ next: "dead", report: { status: "dead", failure: { detail: "as told" } } });
  });

  test("one that will never pass is dead at once", async () => {
    for (const kind of ["bad_media", "unknown_model", "invalid_return", "source_refused"] as const) {
      expect((await attempt(job("failing"), failing(kind))).next).toBe("dead");
    }
  });

  test("compute being busy counts no attempt, and its Retry-After is kept", async () => {
    const waited = await attempt(job("failing"), failing("overloaded", { retry_after_seconds: 77 }), 3);
    expect(waited).toMatchObject({ next: "wait", delaySeconds: 77, report: { status: "failed" } });
  });

  test("delays double, are jittered, and never pass twelve hours", async () => {
    const delay = async (n: number, random: number) =>
      (await attempt(job("failing"), { ...failing("timeout"), random: () => random }, n)).delaySeconds;
    expect([await delay(1, 1), await delay(2, 1), await delay(2, 0.5), await delay(40, 1)]).toEqual([
      8, 16, 8, 43_200,
    ]);
  });

  test("a collection that does not answer fails the run to be tried again, whatever it was", async () => {
    const broken: Collection = {
      ...collection,
      begin: () => Promise.reject(new Error("D1_ERROR: Network connection lost.")),
    };
    const { next, report } = await attempt(job("failing"), deps(read, {}, { collection: broken }));
    expect(next).toBe("retry");
    expect(report.failure).toMatchObject({
      kind: "unavailable",
      detail: expect.stringContaining("D1_ERROR: Network connection lost."),
    });
  });

  test.each([
    "D1_ERROR: internal error",
    "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
    "internal error; reference = abc",
  ])("what a store says of itself is nobody's fault: %s", (text) => {
    expect([isPassing(new Error(text)), storeFailure(new Error(text)).kind]).toEqual([true, "unavailable"]);
  });

  test("a slow handler is stopped at its time and told so", async () => {
    let aborted = false;
    const slow = deps(
      (_, { signal }) =>
        new Promise(() => {
          signal.addEventListener("abort", () => {
            aborted = true;
          });
        }),
      { timeout_seconds: 1 },
    );
    expect((await attempt(job("failing"), slow)).report.failure).toMatchObject({ kind: "timeout" });
    expect(aborted).toBe(true);
  });
});

test("jobs of one object run one after another; those of others at the same time, up to the concurrency", async () => {
  await Promise.all(["m1", "m2", "m3", "m4"].map((key) => put(key, key)));
  const running = new Map<string, number>();
  let together = 0;
  let interleaved = false;
  const handler: Handler = async (event) => {
    running.set(event.key, (running.get(event.key) ?? 0) + 1);
    interleaved ||= (running.get(event.key) ?? 0) > 1;
    together = Math.max(
      together,
      [...running.values()].reduce((sum, n) => sum + n, 0),
    );
    await stores.bucket.head(event.key);
    running.set(event.key, (running.get(event.key) ?? 0) - 1);
    return [{ body: event.key }];
  };
  const tries = ["m1", "m2", "m1", "m3", "m1", "m4"].map((key) => ({ job: job(key), attempt: 1 }));
  const done: string[] = [];
  await attemptAll(tries, deps(handler, { concurrency: 2 }), async ({ report }) => {
    done.push(report.status);
  });
  expect(done).toEqual(Array(6).fill("succeeded"));
  expect(interleaved).toBe(false);
  expect(together).toBe(2);
});
