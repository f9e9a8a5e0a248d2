// What was counted, in dollars; and what runs will cost that are like those before them. Pure arithmetic over measures.ts
// and prices.ts.
import { MEASURES, type MeasuredRuns, type RunMeasures } from "./measures.ts";
import { PRICES, type PriceName, type Prices } from "./prices.ts";

/**
 * What a run costs beside what is counted of it: its job on its way, the ledger's rows and calls, the log. Its event is
 * nobody's: one that runs nothing costs the same. Counted and assumed by bench/support/capacity.ts, to which
 * test/store/capacity.test.ts holds these figures.
 */
export const RUN_OVERHEAD: Partial<Prices> = {
  rows_written: 4.26,
  rows_read: 120,
  object_calls: 1,
  queue_operations: 3,
  r2_writes: 0.053,
  r2_reads: 0.055,
  worker_requests: 0.1,
  worker_cpu_ms: 3,
  log_lines: 0.205,
};

/** Memory of a Durable Object, GB, and the time for which a call keeps one, ms; a call of compute for as long as it takes. */
const OBJECT_GB = 0.128;
const CALL_MS = 10;

/** Everything that is billed for so many runs with these counts. */
export function billedOf(measures: RunMeasures, runs: number): Partial<Prices> {
  const billed: Partial<Prices> = { ...measures };
  for (const [name, each] of Object.entries(RUN_OVERHEAD) as [PriceName, number][])
    billed[name] = (billed[name] ?? 0) + runs * each;
  const objectMs = (measures.container_ms ?? 0) + (billed.object_calls ?? 0) * CALL_MS;
  billed.object_gb_seconds = (objectMs / 1000) * OBJECT_GB;
  return billed;
}

/** Dollars for so many runs with these counts. */
export function costOf(measures: RunMeasures, runs: number, prices: Prices = PRICES): number {
  return dollarsOf(billedOf(measures, runs), prices);
}

export const dollarsOf = (billed: Partial<Prices>, prices: Prices): number =>
  (Object.entries(billed) as [PriceName, number][]).reduce(
    (sum, [name, count]) => sum + (count * prices[name]) / 1e6,
    0,
  );

/** A figure of a plan, with the interval in which it is in 19 of 20 cases, if runs stay as they were. */
export interface Estimate {
  mean: number;
  low: number;
  high: number;
}

/** What runs are likely to cost. */
export interface CostEstimate {
  usd: Estimate;
  container_seconds: Estimate;
  rows_written: Estimate;
  rows_read: Estimate;
  /** Operations of R2 and of queues, calls of Durable Objects, requests to models. */
  requests: Estimate;
  tokens: Estimate;
}

const nothing: Estimate = { mean: 0, low: 0, high: 0 };
/** What it costs to run nothing. */
export const NO_COST: CostEstimate = {
  ...{ usd: nothing, container_seconds: nothing, rows_written: nothing, rows_read: nothing },
  ...{ requests: nothing, tokens: nothing },
};

/** Both together, as if both were high or low at once. */
export function addEstimates(a: CostEstimate, b: CostEstimate): CostEstimate {
  const names = Object.keys(a) as (keyof CostEstimate)[];
  const sum = (name: keyof CostEstimate): Estimate => ({
    mean: rounded(a[name].mean + b[name].mean),
    low: rounded(a[name].low + b[name].low),
    high: rounded(a[name].high + b[name].high),
  });
  return Object.fromEntries(names.map((name) => [name, sum(name)])) as unknown as CostEstimate;
}

/** Period whose runs a plan goes by, days. */
export const PAST_DAYS = 30;

/** What so many runs are likely to cost, by runs of before; null where there are none. */
export function estimateCost(past: MeasuredRuns, runs: number, prices: Prices = PRICES): CostEstimate | null {
  if (past.runs === 0) return null;
  const means = measuresBy((name) => ((past.sums[name] ?? 0) / past.runs) * runs);
  const margins = measuresBy((name) => marginOf(past, name, runs));
  const low = billedOf(
    measuresBy((name) => Math.max(0, (means[name] ?? 0) - (margins[name] ?? 0))),
    runs,
  );
  const mean = billedOf(means, runs);
  const high = billedOf(
    measuresBy((name) => (means[name] ?? 0) + (margins[name] ?? 0)),
    runs,
  );
  const of = (figure: (billed: Partial<Prices>) => number): Estimate => ({
    mean: rounded(figure(mean)),
    low: rounded(figure(low)),
    high: rounded(figure(high)),
  });
  return {
    // As if all of a run's counts were high or low together: too wide an interval rather than too narrow a one.
    usd: of((billed) => dollarsOf(billed, prices)),
    container_seconds: of(({ container_ms = 0 }) => container_ms / 1000),
    rows_written: of(({ rows_written = 0 }) => rows_written),
    rows_read: of(({ rows_read = 0 }) => rows_read),
    requests: of((billed) => REQUESTS.reduce((sum, name) => sum + (billed[name] ?? 0), 0)),
    tokens: of(({ model_tokens = 0 }) => model_tokens),
  };
}

const REQUESTS = ["r2_reads", "r2_writes", "queue_operations", "object_calls", "model_requests"] as const;

const measuresBy = (of: (name: (typeof MEASURES)[number]) => number): RunMeasures =>
  Object.fromEntries(MEASURES.map((name) => [name, of(name)]));

/**
 * Half of the interval of a sum over `runs` new runs: they scatter, and so does the mean of those that it is taken from
 * (a prediction interval by Student's t). Of one run nothing is known of how they scatter: up to ten times as much.
 */
function marginOf(
  { runs: count, sums, squares }: MeasuredRuns,
  name: keyof RunMeasures,
  runs: number,
): number {
  const sum = sums[name] ?? 0;
  if (count === 1) return 9 * sum * runs;
  const variance = Math.max(0, ((squares[name] ?? 0) - sum ** 2 / count) / (count - 1));
  return studentT(count - 1) * Math.sqrt(variance * (runs + runs ** 2 / count));
}

/** The two-sided 95 % quantile of Student's t, near enough from two degrees of freedom on. */
function studentT(freedom: number): number {
  if (freedom === 1) return 12.71;
  return 1.96 + 2.37 / freedom + 2.82 / freedom ** 2 + 3.8 / freedom ** 3;
}

/** To three digits: more would say more than is known. */
const rounded = (value: number) => Number(value.toPrecision(3));
