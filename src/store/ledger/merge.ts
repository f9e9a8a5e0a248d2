// Answers of several shards as one: lists that are each in order, counts that add up.
import { addMeasures } from "../../shapes/measures.ts";
import type { LetterCause, ProducedCount, ShardActivity, ShardCounts, Spending, Spent } from "./contract.ts";
import { addQuarters } from "./shard/activity.ts";

/** The first `limit` of lists that are each in order; what two lists have (one is moving to the other) comes once. */
export function mergeSorted<T>(
  lists: T[][],
  compare: (a: T, b: T) => number,
  limit: number,
  nameOf: (one: T) => string,
): T[] {
  const seen = new Set<string>();
  const merged: T[] = [];
  for (const one of lists.flat().sort(compare)) {
    if (merged.length === limit) break;
    const name = nameOf(one);
    if (seen.has(name)) continue;
    seen.add(name);
    merged.push(one);
  }
  return merged;
}

/** Rows with the same name become one. */
function summed<T>(rows: T[], nameOf: (row: T) => string, add: (sum: T, row: T) => T): T[] {
  const sums = new Map<string, T>();
  for (const row of rows) {
    const sum = sums.get(nameOf(row));
    sums.set(nameOf(row), sum === undefined ? row : add(sum, row));
  }
  return [...sums.values()];
}

const nameOfStatus = ({ alias, status }: { alias: string; status: string }) => `${status} ${alias}`;

export function sumCounts(
  counts: ShardCounts[],
): ShardCounts & { shards: { bytes: number; limit_bytes: number }[] } {
  const add = (total: number, one: number) => total + one;
  return {
    ended: summed(
      counts.flatMap(({ ended }) => ended),
      nameOfStatus,
      (sum, row) => ({ ...sum, runs: sum.runs + row.runs, seconds: sum.seconds + row.seconds }),
    ),
    open: summed(
      counts.flatMap(({ open }) => open),
      nameOfStatus,
      (sum, row) => ({ ...sum, runs: sum.runs + row.runs, oldest: Math.min(sum.oldest, row.oldest) }),
    ),
    letters: summed(
      counts.flatMap(({ letters }) => letters),
      ({ alias }) => alias,
      (sum, row) => ({ ...sum, letters: sum.letters + row.letters }),
    ),
    bytes: counts.map(({ bytes }) => bytes).reduce(add, 0),
    limit_bytes: counts.map(({ limit_bytes }) => limit_bytes).reduce(add, 0),
    rows_written: counts.map(({ rows_written }) => rows_written).reduce(add, 0),
    shards: counts.map(({ bytes, limit_bytes }) => ({ bytes, limit_bytes })),
  };
}

export const addSpent = (a: Spent, b: Spent): Spent => ({
  runs: a.runs + b.runs,
  measures: addMeasures(a.measures, b.measures),
});

export const sumSpending = (sums: Spending[][]): Spending[] =>
  summed(
    sums.flat(),
    ({ alias }) => alias,
    (sum, row) => ({ ...sum, ...addSpent(sum, row) }),
  );

export const sumProduced = (counts: ProducedCount[][]): ProducedCount[] =>
  summed(
    counts.flat(),
    ({ version, commit }) => JSON.stringify([version, commit]),
    (sum, row) => ({ ...sum, objects: sum.objects + row.objects, items: sum.items + row.items }),
  )
    .filter(({ objects, items }) => objects !== 0 || items !== 0)
    .sort((a, b) => (a.version < b.version ? -1 : 1));

export const mergeActivity = (parts: ShardActivity[]): ShardActivity => ({
  quarters: summed(
    parts.flatMap(({ quarters }) => quarters),
    ({ quarter, alias }) => `${quarter} ${alias}`,
    addQuarters,
  ),
  stored: summed(
    parts.flatMap(({ stored }) => stored),
    ({ alias }) => alias,
    (sum, row) => ({ ...sum, objects: sum.objects + row.objects, items: sum.items + row.items }),
  ),
});

/** Most causes that are listed. */
const MAX_CAUSES = 200;

export const mergeCauses = (causes: LetterCause[][]): LetterCause[] =>
  summed(
    causes.flat(),
    ({ alias, kind, detail }) => JSON.stringify([alias, kind, detail]),
    (sum, row) => ({ ...(row.newest > sum.newest ? row : sum), count: sum.count + row.count }),
  )
    .sort((a, b) => b.count - a.count || b.newest - a.newest)
    .slice(0, MAX_CAUSES);
