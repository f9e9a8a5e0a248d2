// A pipeline's queue, message by message, over real R2 and D1: whatever becomes of one, its neighbours are done
// once; no message grows older than its queue keeps it; what waits is not counted, and does not wait for ever.
import type { Message } from "@cloudflare/workers-types";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { openEnv } from "../../src/env.ts";
import { type PipelineConfig, pipelineConfigSchema } from "../../src/shapes/config.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import { FailureError } from "../../src/shapes/failure.ts";
import { sha256Hex } from "../../src/shapes/hash.ts";
import type { Job } from "../../src/shapes/job.ts";
import type { Report } from "../../src/shapes/run.ts";
import type { RunMessage } from "../../src/shapes/run-message.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import type { DeadJob } from "../../src/store/ledger/contract.ts";
import { openDeps, type PipelineDeps } from "../../workers/pipeline/deps.ts";
import { consumeJobs, runJobs } from "../../workers/pipeline/doors.ts";
import { definePipeline, type Handler } from "../../workers/pipeline/sdk.ts";
import { openStores, type Stores } from "../support/stores.ts";

const NOW = Date.parse("2026-11-23T10:00:00Z");
const HOUR = 3_600_000;

let stores: Stores;
let collection = "";
let number = 0;
/** What went into the queues, by binding; one that is named in `broken` takes nothing. */
let sent: Record<"REPORTS" | "RETRY" | "DEAD", { body: unknown; delaySeconds?: number }[]>;
/** Reports that the runs' shards took. */
let shard: Report[];
let broken: string[];
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores?.close());
beforeEach(() => {
  collection = `doors-${number++}`;
  sent = { REPORTS: [], RETRY: [], DEAD: [] };
  shard = [];
  broken = [];
});

const connections = connectionsSchema.parse({
  connections: {
    c: { kind: "r2", buckets: ["bucket"], events: [{ scheme: "r2-queue" }] },
    d: { kind: "d1", database: "items" },
  },
});
const config = (more: object = {}): PipelineConfig =>
  pipelineConfigSchema.parse({
    alias: "p1",
    source: { connection_id: "c" },
    destination: { connection_id: "d", collection },
    retry: { max_attempts: 3, base_seconds: 4 },
    ...more,
  });
function queue(name: keyof typeof sent) {
  const take = async (messages: { body: unknown; delaySeconds?: number }[]) => {
    if (broken.includes(name)) throw new Error(`${name} takes nothing`);
    sent[name].push(...messages);
  };
  return {
    send: (body: unknown, options = {}) => take([{ body, ...options }]),
    sendBatch: (messages: { body: unknown }[]) => take(messages),
  };
}
/** The ledger's door for reports. */
const door = {
  finish: async (reports: Report[]) => {
    if (broken.includes("SHARD")) throw new Error("the shard does not answer");
    shard.push(...reports);
  },
};
const deps = (handler: Handler, more: object = {}, over: Partial<PipelineDeps> = {}): PipelineDeps => {
  const env = {
    R2_BUCKET: stores.bucket,
    D1_ITEMS: stores.collections,
    WEIR_URL: "http://router.test",
    WEIR_SIGNING_KEY: "k",
    WEIR_VERSION: "v1",
    REPORT_DOOR: door,
    REPORTS: queue("REPORTS"),
    RETRY: queue("RETRY"),
    DEAD: queue("DEAD"),
  };
  const opened = openDeps(definePipeline(handler), config(more), connections, {}, openEnv(env), () => NOW);
  return { ...opened, random: () => 1, ...over };
};
const job = (key: string, more: Partial<Job> = {}): Job => ({
  run_id: `run_${sha256Hex(`${collection} ${key}`).slice(0, 32)}_p1`,
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

interface Delivered extends Message<Job> {
  verdict: string;
}
function message(body: Job, attempts = 1, ageMs = 0): Delivered {
  const one: Delivered = {
    id: body.run_id,
    timestamp: new Date(NOW - ageMs),
    attempts,
    body,
    verdict: "none",
    ack: () => {
      if (one.verdict === "none") one.verdict = "ack";
    },
    retry: (options) => {
      if (one.verdict === "none") one.verdict = `retry in ${options?.delaySeconds} s`;
    },
  };
  return one;
}
const put = (key: string) => stores.bucket.put(key, key);
/** Reports that have arrived, in a shard or in the queue behind it. */
const reports = () => [
  ...shard,
  ...sent.REPORTS.flatMap(({ body }) => (body as RunMessage & { kind: "finish" }).reports),
];
const items = async () =>
  (await d1Collection(stores.collections, collection).list({ limit: 100 })).items.map(({ data }) => data);

describe("a batch of ten of which the eighth throws", () => {
  const keys = Array.from({ length: 10 }, (_, n) => `ten-${n + 1}`);
  const ran: string[] = [];
  const handler: Handler = (event) => {
    ran.push(event.key);
    if (event.key === "ten-8") throw new Error("the eighth");
    return { key: event.key };
  };
  beforeAll(() => Promise.all(keys.map(put)));

  test("through the queue: nine are done once, and only the eighth comes again", async () => {
    const messages = keys.map((key) => message(job(key)));
    await consumeJobs(messages, deps(handler));
    expect(messages.map(({ verdict }) => verdict)).toEqual(
      keys.map((key) => (key === "ten-8" ? "retry in 8 s" : "ack")),
    );
    expect(ran.sort()).toEqual([...keys].sort());
    expect(await items()).toHaveLength(9);
  });

  test("by binding: nine are reported as done, and the eighth is in the pipeline's queue", async () => {
    await runJobs(
      keys.map((key) => job(key)),
      deps(handler),
    );
    expect(reports().filter(({ status }) => status === "succeeded")).toHaveLength(9);
    expect(sent.RETRY).toMatchObject([
      { body: { run_id: job("ten-8").run_id, attempts_before: 1 }, delaySeconds: 8 },
    ]);
  });

  test("a message that is no job at all harms only itself", async () => {
    const messages = [
      message(job("ten-1")),
      message({ nonsense: true } as unknown as Job),
      message(job("ten-2")),
    ];
    await consumeJobs(messages, deps(handler));
    expect(messages.map(({ verdict }) => verdict)).toEqual(["ack", "ack", "ack"]);
    expect(await items()).toHaveLength(2);
  });
});

test("a poison message has exactly its attempts, then it is dead with its cause", async () => {
  await put("poison");
  let runs = 0;
  const poison = deps(() => {
    runs++;
    throw new TypeError("a bug");
  });
  const verdicts: string[] = [];
  for (let attempts = 1; verdicts.at(-1) !== "ack"; attempts++) {
    const one = message(job("poison"), attempts);
    await consumeJobs([one], poison);
    verdicts.push(one.verdict);
  }
  expect(verdicts).toEqual(["retry in 8 s", "retry in 16 s", "ack"]);
  expect(runs).toBe(3);
  expect(sent.DEAD.map(({ body }) => body as DeadJob)).toMatchObject([
    { attempts: 3, failure: { kind: "handler_failed", detail: "TypeError: a bug" } },
  ]);
  expect(reports().map(({ status }) => status)).toEqual(["failed", "failed", "dead"]);
});

describe("what is busy", () => {
  const busy = (more: object = {}) =>
    deps(() => {
      throw new FailureError({ kind: "overloaded", detail: "429", ...more });
    });
  beforeAll(() => put("busy"));
  const waits = () => sent.RETRY.map(({ body }) => (body as Job).waits);

  test("is put off without counting an attempt, each time for longer, at most 15 minutes", async () => {
    let next = job("busy", { attempts_before: 1 });
    const delays: unknown[] = [];
    for (let n = 0; n < 10; n++) {
      await consumeJobs([message(next)], busy());
      const [last] = sent.RETRY.splice(0);
      delays.push(last?.delaySeconds);
      next = last?.body as Job;
    }
    expect(delays).toEqual([8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    expect(next).toMatchObject({ attempts_before: 1, waits: { count: 10, since: NOW } });
    expect(sent.DEAD).toEqual([]);
  });

  test("is asked again no sooner than it says", async () => {
    await consumeJobs([message(job("busy"))], busy({ retry_after_seconds: 5000 }));
    expect(sent.RETRY).toMatchObject([{ delaySeconds: 5000 }]);
  });

  test("counts after a day: then the run ends as any other that fails", async () => {
    const tired = job("busy", { waits: { count: 90, since: NOW - 25 * HOUR } });
    const first = message(tired);
    await consumeJobs([first], busy());
    expect([first.verdict, waits()]).toEqual(["retry in 8 s", []]);
    await consumeJobs([message(tired, 3)], busy());
    expect(sent.DEAD).toMatchObject([{ body: { failure: { kind: "overloaded" } } }]);
  });

  test("once it answers, what comes after counts from the beginning", async () => {
    const waited = job("busy", { waits: { count: 5, since: NOW - HOUR } });
    const failing = deps(() => {
      throw new Error("no");
    });
    await runJobs([waited], failing);
    expect(sent.RETRY).toMatchObject([{ body: { attempts_before: 1 }, delaySeconds: 8 }]);
    expect(waits()).toEqual([undefined]);
  });
});

describe("a store that is full", () => {
  test.each([
    "D1_ERROR: Exceeded maximum DB size.",
    "D1_ERROR: Your account has exceeded D1's maximum account storage limit",
    "D1_ERROR: database or disk is full: SQLITE_FULL",
  ])("%s: the run is put off, and says so", async (text) => {
    await put("full");
    const real = d1Collection(stores.collections, collection);
    const full = { ...real, replace: () => Promise.reject(new Error(text)) };
    await consumeJobs(
      [message(job("full"))],
      deps(() => ({}), {}, { collection: full }),
    );
    expect(sent.RETRY).toMatchObject([
      { body: { attempts_before: 0, waits: { count: 1 } }, delaySeconds: 300 },
    ]);
    expect(reports()).toMatchObject([
      {
        status: "failed",
        failure: { kind: "store_full", detail: expect.stringContaining("a database is full") },
      },
    ]);
  });
});

describe("where the ledger cannot be told", () => {
  beforeAll(() => put("untold"));

  test("what is done comes again as the same attempt, and is not done again", async () => {
    let runs = 0;
    const once = deps(() => ({ n: ++runs }));
    broken = ["SHARD", "REPORTS"];
    const first = message(job("untold"));
    await consumeJobs([first], once);
    expect(first.verdict).toBe("ack");
    const [again] = sent.RETRY;
    expect(again).toMatchObject({ body: { attempts_before: 0 }, delaySeconds: 30 });
    broken = [];
    await consumeJobs([message(again?.body as Job)], once);
    expect(reports()).toMatchObject([{ status: "succeeded", attempt: 1, items: 1 }]);
    expect([runs, await items()]).toEqual([1, [{ n: 1 }]]);
  });

  test("what is dead is known by its letter alone, or by its report alone", async () => {
    const failing = deps(() => {
      throw new FailureError({ kind: "bad_media", detail: "no film" });
    });
    for (const down of [["SHARD", "REPORTS"], ["DEAD"]]) {
      broken = down;
      const one = message(job("untold"));
      await consumeJobs([one], failing);
      expect(one.verdict).toBe("ack");
    }
    expect([reports().length, sent.DEAD.length]).toEqual([1, 1]);
  });

  test("a shard that does not answer is told by the router's queue", async () => {
    broken = ["SHARD"];
    const one = message(job("untold"));
    await consumeJobs(
      [one],
      deps(() => ({})),
    );
    expect([one.verdict, shard.length]).toEqual(["ack", 0]);
    expect(sent.REPORTS).toMatchObject([{ body: { kind: "finish", reports: [{ status: "succeeded" }] } }]);
  });

  test("and nothing can be sent either: the message itself comes again", async () => {
    broken = ["SHARD", "REPORTS", "RETRY", "DEAD"];
    const one = message(job("untold"));
    await consumeJobs(
      [one],
      deps(() => ({})),
    );
    expect(one.verdict).toBe("retry in 30 s");
  });
});

test("a message that would grow older than its queue keeps it is sent anew, and its attempts go on", async () => {
  await put("old");
  const failing = deps(() => {
    throw new Error("no");
  });
  const old = message(job("old"), 2, 72 * HOUR);
  await consumeJobs([old], failing);
  expect(old.verdict).toBe("ack");
  expect(sent.RETRY).toMatchObject([{ body: { attempts_before: 2 }, delaySeconds: 16 }]);
});

test.each([
  [{ max_attempts: 100, base_seconds: 3600 }, "these attempts may take 48.6 days, and 3 are the most"],
  [{ max_attempts: 20, base_seconds: 60 }, "these attempts may take 5.7 days"],
  [{ max_attempts: 100, base_seconds: 0 }, undefined],
  [{ max_attempts: 12, base_seconds: 60 }, undefined],
  [{}, undefined],
])("%j: its delays are held to what a queue keeps a message for", (retry, problem) => {
  const parsed = pipelineConfigSchema.safeParse({ ...config(), retry });
  const told = parsed.error?.issues[0];
  if (problem === undefined) expect(told).toBeUndefined();
  else expect(told).toMatchObject({ path: ["retry"], message: expect.stringContaining(problem) });
});

test("a run keeps the version that it started with, whatever is deployed meanwhile", async () => {
  await put("redeployed");
  let go = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  let begun = () => {};
  const started = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const before = deps(async () => {
    begun();
    await held;
    return { by: "v1" };
  });
  const running = runJobs([job("redeployed")], before);
  await started;
  await put("other");
  await runJobs(
    [job("other")],
    deps(() => ({ by: "v2" }), {}, { version: "v2" }),
  );
  go();
  await running;
  expect(reports().at(-1)).toMatchObject({ status: "succeeded", version: "v1" });
  const { items: all } = await d1Collection(stores.collections, collection).list({ limit: 10 });
  expect(all.map(({ data, lineage }) => [data.by, lineage.version]).sort()).toEqual([
    ["v1", "v1"],
    ["v2", "v2"],
  ]);
});

test("a handler that talks without end, in any alphabet, still fits its report into a message", async () => {
  await put("loud");
  const loud = deps((_, { log }) => {
    for (let n = 0; n < 1000; n++) log("水".repeat(5000));
    throw new FailureError({
      kind: "bad_media",
      detail: "水".repeat(90_000),
      where: "\u0000".repeat(90_000),
    });
  });
  await consumeJobs([message(job("loud"))], loud);
  for (const { body } of [...sent.REPORTS, ...sent.DEAD])
    expect(Buffer.byteLength(JSON.stringify(body))).toBeLessThan(128_000);
  expect(reports()[0]?.log?.length).toBeGreaterThan(1);
});

describe("a batch whose time is over", () => {
  test("puts back what cannot end, uncounted: a slow film costs its neighbours no attempt", async () => {
    const keys = ["slow-1", "slow-2", "slow-3"];
    await Promise.all(keys.map(put));
    const handler: Handler = (event, { signal }) =>
      event.key === "slow-1"
        ? { key: event.key }
        : new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
    const messages = keys.map((key) => message(job(key), 2));
    await consumeJobs(messages, deps(handler, { concurrency: 1 }, { batchMs: 300 }));
    expect(messages.map(({ verdict }) => verdict)).toEqual(["ack", "ack", "ack"]);
    expect(sent.RETRY.map(({ body }) => body as Job)).toMatchObject([
      // The second delivery would have been attempt 2: it is attempt 2 again.
      { event: { key: "slow-2" }, attempts_before: 1, waits: { count: 1 } },
      { event: { key: "slow-3" }, attempts_before: 1, waits: { count: 1 } },
    ]);
    expect(sent.DEAD).toEqual([]);
    expect(
      reports()
        .map(({ status }) => status)
        .sort(),
    ).toEqual(["failed", "failed", "succeeded"]);
  });

  test("is not blamed for a handler that takes longer than its own time", async () => {
    await put("own");
    const handler: Handler = (_, { signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
    const late = message(job("own"));
    await consumeJobs([late], deps(handler, { timeout_seconds: 1 }));
    expect(late.verdict).toBe("retry in 8 s");
    expect(reports()).toMatchObject([{ status: "failed", failure: { kind: "timeout" } }]);
  });
});

test("a batch is one line in the logs, with what is in trouble first", async () => {
  const keys = Array.from({ length: 8 }, (_, n) => `line-${n}`);
  await Promise.all(keys.map(put));
  const handler: Handler = (event) => {
    if (event.key === "line-6") throw new Error("no");
    return { key: event.key };
  };
  const log = vi.spyOn(console, "log");
  await consumeJobs(
    keys.map((key) => message(job(key))),
    deps(handler),
  );
  const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)));
  log.mockRestore();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ log: "attempts", alias: "p1", succeeded: 7, failed: 1 });
  expect(lines[0].attempts).toHaveLength(8);
  expect(lines[0].attempts[0]).toMatchObject({ key: "line-6", next: "retry", failure: "handler_failed" });
});
