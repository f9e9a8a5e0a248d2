// How things are: what is counted now, and how the last hours went, of all pipelines and of each. Every figure is a count
// that is kept already: the shards' counters, the log's lists, a few statements of D1. Nothing is counted by opening what
// it is of.
import type { D1Database } from "@cloudflare/workers-types";
import type { Pipelines } from "../dispatch/pipelines.ts";
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { costOf } from "../shapes/cost.ts";
import { addCounts, type Histogram, percentileOf } from "../shapes/latency.ts";
import { addMeasures, type RunMeasures } from "../shapes/measures.ts";
import type { Prices } from "../shapes/prices.ts";
import type { RunStatus } from "../shapes/run.ts";
import { openDatabases } from "../store/collections/open.ts";
import type { QuarterCounts, ShardActivity } from "../store/ledger/contract.ts";
import { listPaused } from "../store/ledger/pauses.ts";
import { countEvents } from "../store/log/events-by-minute.ts";
import { measureLog } from "../store/log/size.ts";
import { openStores } from "../store/stores.ts";
import { readIndexLags } from "./index-lag.ts";
import { iso } from "./ledger.ts";

export interface OverviewDeps {
  env: Env;
  connections: Connections;
  pipelines: Pipelines;
  now(): number;
}

const QUARTER_MS = 900_000;
const MAX_POINTS = 96;
const MAX_CAUSES = 10;

type LedgerCounts = Awaited<ReturnType<ReturnType<typeof openStores>["shards"]["counts"]>>;

/** Answers `GET /v1/overview`. */
export async function readOverview(hours: number, deps: OverviewDeps) {
  const { env, pipelines } = deps;
  const stores = openStores(deps);
  const now = deps.now();
  const stepMs = Math.ceil((hours * 4) / MAX_POINTS) * QUARTER_MS;
  const points = Math.ceil((hours * 4 * QUARTER_MS) / stepMs);
  const until = (Math.floor(now / QUARTER_MS) + 1) * QUARTER_MS;
  const since = until - points * stepMs;
  const [counts, activity, causes, events, rejections, paused, index_lag, storage] = await Promise.all([
    stores.shards.counts(),
    stores.shards.activity(since),
    stores.shards.causes(),
    countEvents(env.archive(), { since, until, stepMs }),
    countRejections(env.ledger(), { since, stepMs, points }),
    listPaused(env.ledger()),
    readIndexLags(deps),
    measureStorage(deps),
  ]);
  const window = { since, stepMs, points };
  const ofAlias = Map.groupBy(activity.quarters, ({ alias }) => alias);
  const total = sumOf(activity.quarters);
  return {
    ...{ at: new Date(now).toISOString(), hours, step_minutes: stepMs / 60_000 },
    now: {
      events: totalOf(events),
      rejections: totalOf(rejections),
      ...openOf(counts),
      dead_letters: counts.letters.reduce((sum, { letters }) => sum + letters, 0),
      paused: paused.length,
      ...describeSum(total, pipelines.prices),
    },
    pipelines: pipelines.all.map(({ alias, version }) => ({
      ...{ alias, version, paused: paused.some((one) => one.alias === alias) },
      ...openOf(counts, alias),
      dead_letters: counts.letters.find((one) => one.alias === alias)?.letters ?? 0,
      ...describeSum(sumOf(ofAlias.get(alias) ?? []), pipelines.prices),
      ...storedBy(activity, [alias]),
    })),
    series: { ...seriesOf(activity.quarters, window, pipelines.prices), events, rejections },
    failures: Object.entries(total.failures)
      .map(([kind, runs]) => ({ kind, runs }))
      .sort((a, b) => b.runs - a.runs)
      .slice(0, MAX_CAUSES),
    causes: causes.slice(0, MAX_CAUSES).map(({ newest, ...cause }) => ({ ...cause, newest: iso(newest) })),
    index_lag,
    storage: { collections: collectionsOf(activity, pipelines), ledger_bytes: counts.bytes, ...storage },
  };
}

const totalOf = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0);

/** Runs that have not ended, of all pipelines or of one, and for how long the oldest has been open. */
export function openOf({ open }: Pick<LedgerCounts, "open">, alias?: string) {
  const own = open.filter((one) => alias === undefined || one.alias === alias);
  const count = (status: RunStatus) =>
    totalOf(own.filter((one) => one.status === status).map(({ runs }) => runs));
  const oldest = own.length === 0 ? null : Math.min(...own.map((one) => one.oldest));
  return {
    open: {
      ...{ pending: count("pending"), queued: count("queued"), running: count("running") },
      failed: count("failed"),
    },
    oldest_open_at: iso(oldest),
  };
}

interface Sum {
  ended: Partial<Record<RunStatus, number>>;
  failures: Record<string, number>;
  latencies: Histogram;
  measured: number;
  measures: RunMeasures;
}

const sumOf = (quarters: readonly QuarterCounts[]): Sum =>
  quarters.reduce<Sum>(
    (sum, one) => ({
      ended: addCounts(sum.ended, one.ended),
      failures: addCounts(sum.failures, one.failures) as Record<string, number>,
      latencies: addCounts(sum.latencies, one.latencies) as Histogram,
      measured: sum.measured + one.measured,
      measures: addMeasures(sum.measures, one.measures),
    }),
    { ended: {}, failures: {}, latencies: {}, measured: 0, measures: {} },
  );

function describeSum({ ended, latencies, measured, measures }: Sum, prices: Prices) {
  const { succeeded = 0, skipped = 0, dead = 0, cancelled = 0 } = ended;
  return {
    ended: { succeeded, skipped, dead, cancelled },
    latency: { p50_ms: percentileOf(latencies, 0.5), p95_ms: percentileOf(latencies, 0.95) },
    cost_usd: costOf(measures, measured, prices),
  };
}

interface Stretches {
  since: number;
  stepMs: number;
  points: number;
}

/** Of each stretch the sums, one list for each figure. */
function seriesOf(quarters: readonly QuarterCounts[], { since, stepMs, points }: Stretches, prices: Prices) {
  const byPoint = Map.groupBy(quarters, ({ quarter }) => Math.floor((quarter * QUARTER_MS - since) / stepMs));
  const sums = Array.from({ length: points }, (_, at) => describeSum(sumOf(byPoint.get(at) ?? []), prices));
  return {
    at: sums.map((_, at) => new Date(since + at * stepMs).toISOString()),
    succeeded: sums.map(({ ended }) => ended.succeeded),
    skipped: sums.map(({ ended }) => ended.skipped),
    dead: sums.map(({ ended }) => ended.dead),
    cancelled: sums.map(({ ended }) => ended.cancelled),
    p50_ms: sums.map(({ latency }) => latency.p50_ms),
    p95_ms: sums.map(({ latency }) => latency.p95_ms),
    cost_usd: sums.map(({ cost_usd }) => cost_usd),
  };
}

function storedBy({ stored }: ShardActivity, aliases: readonly string[]) {
  const own = stored.filter(({ alias }) => aliases.includes(alias));
  return {
    objects: totalOf(own.map(({ objects }) => objects)),
    items: totalOf(own.map(({ items }) => items)),
  };
}

function collectionsOf(activity: ShardActivity, pipelines: Pipelines) {
  const writers = Map.groupBy(pipelines.all, ({ config }) => config.destination.collection);
  return [...writers].map(([name, all]) => ({
    name,
    ...storedBy(
      activity,
      all.map(({ alias }) => alias),
    ),
  }));
}

/** Refusals of each stretch. */
async function countRejections(db: D1Database, { since, stepMs, points }: Stretches): Promise<number[]> {
  const { results } = await db
    .prepare(
      "SELECT CAST((at - ?1) / ?2 AS INTEGER) AS point, sum(count) AS count FROM rejections WHERE at >= ?1 GROUP BY 1",
    )
    .bind(since, stepMs)
    .all<{ point: number; count: number }>();
  const counts = new Map(results.map(({ point, count }) => [point, count]));
  return Array.from({ length: points }, (_, at) => counts.get(at) ?? 0);
}

/** Bytes of each database of collections, as D1 says with any answer, and of the log. */
async function measureStorage({ env, connections }: OverviewDeps) {
  const databases = Object.entries(connections.connections).flatMap(([id, connection]) =>
    connection.kind === "d1" ? openDatabases(connection, env).map((database) => ({ id, database })) : [],
  );
  const sizes = databases.map(async ({ id, database }) => {
    const answer = await database
      .prepare("SELECT 1")
      .run()
      .catch(() => undefined);
    return { connection: id, bytes: answer?.meta.size_after ?? null };
  });
  const log = await measureLog(env.archive());
  return { databases: await Promise.all(sizes), log_bytes: totalOf(log.map(({ bytes }) => bytes)) };
}
