// Finds, among many ranges, all that hold a number: ranges sorted by lower end, laid out as a balanced tree
// in which every node knows the highest upper end below it.
import type { Judge } from "./prefix-table.ts";
import type { Range } from "./range.ts";

export interface RangeTable<E> {
  find(n: number, judge: Judge<E>): void;
}

/** Builds the table. Ends are taken as closed; the judge is exact. */
export function rangeTable<E>(filed: readonly { range: Range; entry: E }[]): RangeTable<E> {
  const sorted = filed.toSorted((a, b) =>
    a.range.low === b.range.low ? 0 : a.range.low < b.range.low ? -1 : 1,
  );
  const highest = new Float64Array(sorted.length);
  const settle = (from: number, to: number): number => {
    if (from >= to) return -Infinity;
    const middle = (from + to) >>> 1;
    const high = Math.max(
      settle(from, middle),
      settle(middle + 1, to),
      sorted[middle]?.range.high ?? -Infinity,
    );
    highest[middle] = high;
    return high;
  };
  settle(0, sorted.length);
  return {
    find(n, judge) {
      const walk = (from: number, to: number) => {
        const middle = (from + to) >>> 1;
        const node = sorted[middle];
        if (from >= to || node === undefined || (highest[middle] ?? -Infinity) < n) return;
        walk(from, middle);
        if (node.range.low > n) return;
        if (node.range.high >= n) judge.judgeAll([node.entry]);
        walk(middle + 1, to);
      };
      walk(0, sorted.length);
    },
  };
}
