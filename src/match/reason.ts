// An explanation in one sentence, for the record.
import type { ClauseExplanation, Explanation } from "./explain.ts";

const MAX_REASON_CHARS = 300;

/** The first conditions that stand in the way: `metadata.foo is absent, expected "bar"`. */
export function reasonOf({ verdict, clauses, note }: Explanation): string {
  if (verdict === true) return "every condition is met";
  const open = clauses.filter((clause) => clause.verdict !== true).slice(0, 3);
  const text = open.length > 0 ? open.map(sentence).join("; ") : (note ?? "no condition is met");
  return text.length > MAX_REASON_CHARS ? `${text.slice(0, MAX_REASON_CHARS - 1)}…` : text;
}

function sentence({ path, expected, actual, source }: ClauseExplanation): string {
  const actualText =
    actual === undefined
      ? `is ${source === "unknown" ? "not known" : "absent"}`
      : `is ${JSON.stringify(actual)}`;
  return `${path} ${actualText}, expected ${JSON.stringify(expected)}`;
}
