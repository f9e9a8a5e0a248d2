// What was counted of an attempt of a run, in units that somebody bills: a few integers, which travel in its report and
// stay on the run. cost.ts prices them.
import { z } from "zod";

const count = z.int().nonnegative().optional();

export const measuresSchema = z.object({
  /** Milliseconds in which a container worked for the run: its calls to compute, those at the same time once. */
  container_ms: count,
  /** Rows of D1, as D1 itself says in its answers. */
  rows_read: count,
  rows_written: count,
  /** Operations of R2: reads are of its class B, writes and lists of class A. */
  r2_reads: count,
  r2_writes: count,
  /** Of messages that the handler's Worker has sent: each is written, read and deleted. */
  queue_operations: count,
  /** Calls of Durable Objects: compute, kept embeddings, search indexes. */
  object_calls: count,
  /** Requests to models behind HTTP, and the tokens that their answers say. */
  model_requests: count,
  model_tokens: count,
});

/** What was counted; what is absent is none. */
export type RunMeasures = { [Name in MeasureName]?: number };
export type MeasureName = keyof z.infer<typeof measuresSchema>;
export const MEASURES = Object.keys(measuresSchema.shape) as MeasureName[];

/** The sum of two counts, without what is none. */
export function addMeasures(a: RunMeasures, b: RunMeasures): RunMeasures {
  return combine((name) => (a[name] ?? 0) + (b[name] ?? 0));
}

/** Counts by name, without those that are none. */
export const combine = (of: (name: MeasureName) => number): RunMeasures =>
  Object.fromEntries(MEASURES.map((name) => [name, of(name)] as const).filter(([, value]) => value > 0));

/** Runs of which something was counted: how many, the sums, and the sums of squares, from which an interval follows. */
export interface MeasuredRuns {
  runs: number;
  sums: RunMeasures;
  squares: RunMeasures;
}

export const noRuns = (): MeasuredRuns => ({ runs: 0, sums: {}, squares: {} });

/** With one more run. */
export const withRun = ({ runs, sums, squares }: MeasuredRuns, measures: RunMeasures): MeasuredRuns => ({
  runs: runs + 1,
  sums: addMeasures(sums, measures),
  squares: addMeasures(
    squares,
    combine((name) => (measures[name] ?? 0) ** 2),
  ),
});

export const addRuns = (a: MeasuredRuns, b: MeasuredRuns): MeasuredRuns => ({
  runs: a.runs + b.runs,
  sums: addMeasures(a.sums, b.sums),
  squares: addMeasures(a.squares, b.squares),
});
