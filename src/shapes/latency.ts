// Times as a histogram whose classes are a fourth of a doubling apart: counts of many places add up, and a percentile of
// the sum is right to within a tenth.

const PER_DOUBLING = 4;

/** Counts by class; what is absent is none. */
export type Histogram = Record<string, number>;

/** The class of a time, ms. */
export const classOf = (ms: number): number => Math.round(PER_DOUBLING * Math.log2(Math.max(1, ms)));

/** The time below which this share of all are, ms, to within a tenth; null where there are none. */
export function percentileOf(histogram: Histogram, share: number): number | null {
  const classes = Object.entries(histogram)
    .map(([name, count]) => [Number(name), count] as const)
    .sort(([a], [b]) => a - b);
  const total = classes.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [name, count] of classes) {
    seen += count;
    if (seen >= total * share) return Math.round(2 ** (name / PER_DOUBLING));
  }
  return null;
}

/** Both counts together, by name. */
export function addCounts<Name extends string>(
  a: Partial<Record<Name, number>>,
  b: Partial<Record<Name, number>>,
): Partial<Record<Name, number>> {
  const sum = { ...a };
  for (const [name, count] of Object.entries(b) as [Name, number][]) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
