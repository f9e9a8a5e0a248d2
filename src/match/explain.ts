// Why a filter does or does not hold: every condition with what it wanted and what it found.
import { evaluate, judge, meets } from "./evaluate.ts";
import type { Clause, Filter, Leaves, Source, Verdict, View } from "./types.ts";

export interface ClauseExplanation {
  /** The attribute's full name: `metadata.foo` for a filter on `foo`. */
  path: string;
  /** The condition as written. */
  expected: unknown;
  /** The value found, a list if there are several; left out when absent or unknown. */
  actual?: unknown;
  source: Source;
  verdict: Verdict;
}

export interface Explanation {
  verdict: Verdict;
  /** All conditions; those of a branch carry its number. */
  clauses: (ClauseExplanation & { branch: number })[];
  /** One verdict per branch: without `$or` there is one branch, and one true branch is enough. */
  branches: Verdict[];
  /** What the conditions alone do not show. */
  note?: string;
}

/** Explains a filter's verdict, clause by clause. Its verdict is always that of `evaluate`. */
export function explain(filter: Filter, view: View): Explanation {
  const branches = filter.branches.map((branch) => judge(branch, view));
  const clauses = filter.branches.flatMap((branch, number) =>
    branch.map((clause) => ({ branch: number, ...explainClause(clause, view) })),
  );
  const explanation: Explanation = { verdict: evaluate(filter, view), clauses, branches };
  const apart = branches.some(
    (verdict, number) =>
      verdict === false && clauses.every((one) => one.branch !== number || one.verdict !== false),
  );
  if (apart) explanation.note = "each condition is met, but no one element of the array meets them all";
  return explanation;
}

function explainClause(clause: Clause, view: View): ClauseExplanation {
  const leaves = view.leaves(clause.path);
  const verdict = leaves === "unknown" ? leaves : meets(clause.any, leaves);
  const source = view.source(clause.path);
  return { path: clause.path.text, expected: clause.expected, ...actual(leaves), source, verdict };
}

function actual(leaves: Leaves): { actual?: unknown } {
  if (leaves === "unknown" || leaves.length === 0) return {};
  const values = leaves.map((leaf) => leaf.value);
  return { actual: values.length === 1 ? values[0] : values };
}
