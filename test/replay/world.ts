// A whole Weir in this process with one pipeline, whose every use of what is billed is counted beside it: D1 by its own
// answers, R2, queues, Durable Objects and the container by stand-ins. The container's time is the fake clock's.
import type { D1Database, D1PreparedStatement, D1Result } from "@cloudflare/workers-types";
import { vi } from "vitest";
import type { z } from "zod";
import { renewBudgets } from "../../src/cron/budgets.ts";
import { openPipelines } from "../../src/dispatch/pipelines.ts";
import { openEnv } from "../../src/env.ts";
import { advance, type ReplayMessage, sweepReplays } from "../../src/replay/advance.ts";
import { createReplay, describeReplay, moveReplay } from "../../src/replay/manage.ts";
import { dispatchRuns, type RouteDeps } from "../../src/routing/route.ts";
import { bucketBinding, databaseBinding, queueBinding } from "../../src/shapes/bindings.ts";
import { type PipelineConfig, pipelineConfigSchema } from "../../src/shapes/config.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import type { Job } from "../../src/shapes/job.ts";
import { modelsSchema } from "../../src/shapes/model.ts";
import type { replaySchema } from "../../src/shapes/replay.ts";
import type { Report } from "../../src/shapes/run.ts";
import { mayBegin, spendOf } from "../../src/store/ledger/budgets.ts";
import { listPaused } from "../../src/store/ledger/pauses.ts";
import { getReplay } from "../../src/store/ledger/replays.ts";
import { openDeps } from "../../workers/pipeline/deps.ts";
import { consumeJobs } from "../../workers/pipeline/doors.ts";
import { definePipeline, type Handler } from "../../workers/pipeline/sdk.ts";
import { openMapBucket } from "../support/map-bucket.ts";
import { shardsInNode } from "../support/shard-in-node.ts";
import type { Stores } from "../support/stores.ts";

export const ALIAS = "films";
const connections = connectionsSchema.parse({
  connections: {
    c: { kind: "r2", buckets: ["bucket"], events: [{ scheme: "r2-queue" }] },
    d: { kind: "d1", database: "collections" },
  },
});
const MODEL = {
  kind: "http",
  url: "https://models.test/embeddings",
  model: "m",
  dimensions: 2,
};

/** What was counted beside the pipeline. */
export interface Counted {
  rows_written: number;
  rows_read: number;
  requests: number;
  container_seconds: number;
  tokens: number;
}

export interface WorldOptions {
  handler: Handler;
  config?: object;
  /** How long the container works at a call, ms. */
  workMs?: (path: string, body: string) => number;
  /** Jobs that the pipeline takes from its queue at once. */
  batch?: number;
}

export function openWorld(
  stores: Pick<Stores, "ledger" | "archive" | "collections">,
  { handler, config = {}, workMs = () => 0, batch = 1 }: WorldOptions,
) {
  const counted: Counted = { rows_written: 0, rows_read: 0, requests: 0, container_seconds: 0, tokens: 0 };
  const bucket = openMapBucket();
  bucket.between = (call, work) => {
    if (call.method !== "delete") counted.requests++;
    return work();
  };
  const shards = shardsInNode(1);
  /** What each batch has cost, dollars. */
  const spent: number[] = [];
  const jobs: Job[] = [];
  const replays: ReplayMessage[] = [];
  const queueOf = <T>(messages: T[], operations = 3) => ({
    send: async (body: T) => {
      messages.push(structuredClone(body));
      counted.requests += operations;
    },
    sendBatch: async (bodies: Iterable<{ body: T }>) => {
      for (const { body } of bodies) messages.push(structuredClone(body));
      counted.requests += operations * [...bodies].length;
    },
  });
  const objects = (stub: Record<string, (...args: never[]) => unknown>) => ({
    idFromName: (name: string) => name,
    get: () =>
      Object.fromEntries(
        Object.entries(stub).map(([name, method]) => [
          name,
          (...args: never[]) => {
            counted.requests++;
            return method(...args);
          },
        ]),
      ),
  });
  const compute = {
    async fetch(request: Request) {
      const { pathname } = new URL(request.url);
      const ms = workMs(pathname, await request.text());
      vi.setSystemTime(Date.now() + ms);
      counted.container_seconds += ms / 1000;
      return Response.json(ANSWERS[pathname]);
    },
  };
  const raw = {
    ...{ LEDGER: stores.ledger, ARCHIVE: stores.archive },
    LEDGER_SHARDS: { getByName: () => shards.inNode[0]?.shard },
    ...{ REPLAYS: queueOf(replays, 0), [queueBinding(ALIAS)]: queueOf(jobs), RETRY: queueOf(jobs) },
    ...{ REPORTS: queueOf([]), DEAD: queueOf([]) },
    [bucketBinding("bucket")]: bucket.bucket,
    [databaseBinding("collections")]: countingRows(stores.collections, counted),
    COMPUTE: objects(compute),
    RESULTS: objects({ find: async () => [], keep: async () => {} }),
    REPORT_DOOR: {
      finish: async (reports: Report[]) => {
        counted.requests++;
        await shards.finish(reports, { now: Date.now() });
      },
      mayBegin: (usd_per_day: number, runIds: string[]) =>
        mayBegin({ ledger: stores.ledger, shards }, { alias: ALIAS, usd_per_day }, runIds, Date.now()),
      spend: (usd_per_day: number, usd: number) => {
        spent.push(usd);
        return spendOf(stores.ledger, { alias: ALIAS, usd_per_day }, usd, Date.now());
      },
    },
    ...{ WEIR_URL: "http://router.test", WEIR_SIGNING_KEY: "k", WEIR_HOPS_KEY: "k" },
  };
  vi.stubGlobal("fetch", async (request: Request) => {
    counted.requests++;
    const { input } = (await request.json()) as { input: string[] };
    const total_tokens = input.join("").length;
    counted.tokens += total_tokens;
    return Response.json({
      data: input.map((_, index) => ({ index, embedding: [1, 0] })),
      usage: { total_tokens },
    });
  });
  const env = openEnv(raw);
  const configure = (own: object): PipelineConfig =>
    pipelineConfigSchema.parse({
      alias: ALIAS,
      source: { connection_id: "c" },
      destination: { connection_id: "d", collection: "x", search: { enabled: false } },
      concurrency: 1,
      ...own,
    });
  const deployed = (own: PipelineConfig): RouteDeps => ({
    ...{ env, connections, now: Date.now },
    pipelines: openPipelines([{ alias: ALIAS, version: "v", config: own }]),
  });
  let current = configure(config);
  let router = deployed(current);
  const models = modelsSchema.parse({ texts: MODEL });
  const world = {
    ...{ bucket, shards, jobs, counted, spent },
    /** Deploys the pipeline with other settings. */
    deploy(own: object): void {
      current = configure(own);
      router = deployed(current);
    },
    put: (key: string, body: string) => bucket.bucket.put(key, body),
    /** The pipeline's Worker takes jobs from its queue, so many at once, until there are none. */
    async consume() {
      while (jobs.length > 0) {
        const messages = jobs.splice(0, batch).map((body) => ({
          ...{ id: body.run_id, body, attempts: 1, timestamp: new Date() },
          ...{ ack: () => {}, retry: () => void jobs.push(body) },
        }));
        const deps = openDeps(definePipeline(handler), current, connections, models, env);
        await consumeJobs(messages as never, deps);
      }
    },
    /** A minute's work of the router and of the shards: what may go on is on its way again. */
    async minute() {
      await renewBudgets(router);
      const [shard] = shards.inNode;
      if (!shard) return;
      shard.paused.clear();
      for (const { alias } of await listPaused(stores.ledger)) shard.paused.add(alias);
      await shard.ring(Date.now());
      for (const message of shard.messages.splice(0))
        if (message.kind === "due") await dispatchRuns(message.runs, router);
      await sweepReplays(router);
      await world.settle();
    },
    /** Everything that is on its way goes on, until nothing moves. */
    async settle() {
      while (replays.length + jobs.length > 0) {
        await world.consume();
        const message = replays.shift();
        if (message) await advance(message, router);
      }
    },
    async replay(
      request: Partial<z.input<typeof replaySchema>> & Pick<z.input<typeof replaySchema>, "select">,
    ) {
      const { id } = await createReplay(
        { dry_run: false, ...request } as z.infer<typeof replaySchema>,
        router,
      );
      await world.settle();
      return world.show(id);
    },
    async show(id: string) {
      const replay = await getReplay(stores.ledger, id);
      if (!replay) throw new Error(`no replay ${id}`);
      return describeReplay(replay, router);
    },
    move: (id: string, move: "pause" | "resume", budget_usd?: number) =>
      moveReplay(id, move, router, budget_usd),
    /** What was counted while work is done, the shards' rows included; they pack what has ended. */
    async counting(work: () => Promise<unknown>): Promise<Counted> {
      const before = { ...counted };
      const rows = (await shards.counts()).rows_written;
      await work();
      await shards.inNode[0]?.ring(Date.now() + 3_600_000);
      const names = Object.keys(counted) as (keyof Counted)[];
      const delta = Object.fromEntries(names.map((name) => [name, counted[name] - before[name]]));
      return {
        ...delta,
        rows_written: Number(delta.rows_written) + (await shards.counts()).rows_written - rows,
      } as never;
    },
  };
  return world;
}

const ANSWERS: Record<string, unknown> = {
  "/v1/probe": { kind: "video", container: "MP4", size: 1, duration: 4, streams: [] },
  "/v1/split": {
    chunks: [0, 1, 2].map((index) => ({
      ...{ index, start: index * 10, end: index * 10 + 10, first_frame: 0, last_frame: 249, fps: 25 },
      keyframes: [],
    })),
  },
  "/v1/image": { width: 1, height: 1, format: "png", colors: [] },
};

/** Counts the rows that D1 says, without what the pipeline's own meter does. */
function countingRows(db: D1Database, counted: Counted): D1Database {
  const add = <T>(result: D1Result<T>) => {
    counted.rows_written += result.meta.rows_written;
    counted.rows_read += result.meta.rows_read;
    return result;
  };
  const inner = new Map<unknown, D1PreparedStatement>();
  const wrap = (statement: D1PreparedStatement): unknown => {
    const one = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: async () => add(await statement.all()),
      run: async () => add(await statement.run()),
    };
    inner.set(one, statement);
    return one;
  };
  return {
    prepare: (sql: string) => wrap(db.prepare(sql)),
    batch: async (all: unknown[]) =>
      (await db.batch(all.map((one) => inner.get(one) as D1PreparedStatement))).map(add),
  } as unknown as D1Database;
}
