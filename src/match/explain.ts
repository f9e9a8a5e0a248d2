// Explains why a filter does or does not hold: every condition with what it expected and the value that was there.
import { judge, meets } from "./evaluate.ts";
import type { Clause, Filter, FilterVerdict, Leaves, ValueSource, View } from "./types.ts";

export interface ClauseExplanation {
  /** The attribute's full name: `metadata.foo` for a filter on `foo`. */
  path: string;
  /** The condition as written. */
  expected: unknown;
  /** The value found, a list if there are several; left out when absent or unknown. */
  actual?: unknown;
  source: ValueSource;
  verdict: FilterVerdict;
}

export interface Explanation {
  verdict: FilterVerdict;
  /** The conditions, as many as can be read; those of a branch carry its number. */
  clauses: (ClauseExplanation & { branch: number })[];
  /** One verdict per branch: without `$or` there is one branch, and one true branch is enough. */
  branches: FilterVerdict[];
  /** Causes of the verdict that the conditions alone do not show. */
  note?: string;
}

/** Characters that an explanation shows of all conditions and values, and of one value. */
const MAX_SHOWN_CHARS = 200_000;
const MAX_VALUE_CHARS = 2_000;

/** Explains a filter's verdict, clause by clause. Its verdict is always that of `evaluate`. */
export function explain(filter: Filter, view: View): Explanation {
  const branches = filter.branches.map((branch) => judge(branch, view));
  const verdict = branches.includes(true) || (branches.includes("unknown") ? "unknown" : false);
  const explained = new Map<Clause, ClauseExplanation>();
  const clauses: Explanation["clauses"] = [];
  let [left, shown, apart] = [0, 0, false];
  for (const [number, branch] of filter.branches.entries()) {
    let isRefused = false;
    for (const clause of branch) {
      const explanation = explained.get(clause) ?? explainClause(clause, view);
      explained.set(clause, explanation);
      isRefused ||= explanation.verdict === false;
      shown += JSON.stringify(explanation).length;
      if (shown > MAX_SHOWN_CHARS) left++;
      else clauses.push({ branch: number, ...explanation });
    }
    apart ||= branches[number] === false && !isRefused;
  }
  const notes = [
    ...(apart ? ["each condition is met, but no one element of the array meets them all"] : []),
    ...(left > 0 ? [`${left} more conditions are not shown`] : []),
  ];
  return { verdict, clauses, branches, ...(notes.length > 0 && { note: notes.join("; ") }) };
}

function explainClause(clause: Clause, view: View): ClauseExplanation {
  const leaves = view.leaves(clause.path);
  const verdict = leaves === "unknown" ? leaves : meets(clause.any, leaves);
  const source = view.source(clause.path);
  return { path: clause.path.text, expected: readable(clause.expected), ...actual(leaves), source, verdict };
}

/** A value as it is, or the beginning of its JSON where that is longer than anybody reads. */
function readable(value: unknown): unknown {
  const text = JSON.stringify(value);
  return text.length <= MAX_VALUE_CHARS ? value : `${text.slice(0, MAX_VALUE_CHARS)}…`;
}

function actual(leaves: Leaves): { actual?: unknown } {
  if (leaves === "unknown" || leaves.length === 0) return {};
  const values = leaves.map((leaf) => leaf.value);
  return { actual: readable(values.length === 1 ? values[0] : values) };
}
