// A filter judged here in the browser, by the matcher that the router runs: on recorded events, with what was looked up
// of their objects then.
import type { Event, Tested } from "../../src/client/client.ts";
import {
  compileFilter,
  explain,
  type Filter,
  FilterError,
  lintFilter,
  type ObjectAttributes,
  reasonOf,
  viewOf,
} from "../../src/match/index.ts";
import { type JsonTable, lineOf, readTable, type TextFault } from "./json-text.ts";

export type EventJudgement = Pick<Tested, "verdict" | "reason" | "clauses">;

export interface TypedFilter {
  /** What was typed, as a table; undefined where it is not JSON. */
  table?: JsonTable;
  /** Undefined where it is refused. */
  filter?: Filter;
  faults: readonly TextFault[];
  warnings: readonly TextFault[];
}

/** Reads a filter as it is typed: compiled, or with the lines where it is wrong. */
export function readFilter(text: string): TypedFilter {
  const read = readTable(text);
  if ("faults" in read) return { faults: read.faults, warnings: [] };
  const { table } = read;
  try {
    const filter = compileFilter(table);
    const warnings = lintFilter(table).map(({ path, message, suggestion }) => ({
      line: lineOf(text, path),
      text: `${path}: ${message}${suggestion === undefined ? "" : `; perhaps ${suggestion}`}`,
    }));
    return { table, filter, faults: [], warnings };
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return { table, faults: [{ line: lineOf(text, error.path), text: error.message }], warnings: [] };
  }
}

/** What a filter says of a recorded event, and by which conditions. */
export function judgeEvent(filter: Filter, event: Event): EventJudgement {
  const { outcome, ...rest } = event;
  const known = { ...rest, identities: [] } as unknown as Parameters<typeof viewOf>[0];
  const explanation = explain(filter, viewOf(known, outcome.object as ObjectAttributes | undefined));
  return {
    verdict: explanation.verdict,
    clauses: explanation.clauses as EventJudgement["clauses"],
    reason: reasonOf(explanation),
  };
}
