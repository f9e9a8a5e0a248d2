// Warnings about filters that are valid and yet cannot mean what was written, with what was probably meant.
// Neighbours: parse.ts refuses invalid filters, doubts.ts knows what single conditions can never meet.

import { nearest } from "../shapes/nearest.ts";
import { ATTRIBUTES, topOf } from "./attributes.ts";
import { doubtsAbout, excludeEachOther } from "./doubts.ts";
import { takesAccesses } from "./naming.ts";
import { OPERATOR_NAMES } from "./operators.ts";
import { compileFilter } from "./parse.ts";
import type { Clause, Conjunction, Warning } from "./types.ts";

/** Other systems' names for what Weir calls `bucket`, `key` …; here, a filter on such a name asks for metadata. */
const FOREIGN = new Map([
  ["detail", "bucket, key, size …, without `detail`"],
  ["object", "key, size, etag, without `object`"],
  ["records", "bucket, key, size …, without `Records`"],
  ["eventname", "operation"],
  ["contenttype", "content_type"],
  ["content-type", "content_type"],
  ["path", "key"],
  ["ext", "extension"],
]);

/** Warnings of one answer at most. */
const MAX_WARNINGS = 100;
/** Steps that comparing the conditions of a whole filter may take. */
const MAX_STEPS = 200_000;

/**
 * Doubts about a filter as written: attributes that look misspelt, alternatives and combinations that can
 * never hold. No warning is a proof of sense. @throws {FilterError} if the filter is invalid.
 */
export function lintFilter(filter: unknown): Warning[] {
  const { branches } = compileFilter(filter);
  const warnings = new Map<string, Warning>();
  const seen = new Set<Clause>();
  const steps = { left: MAX_STEPS };
  const add = (doubts: readonly Warning[]) => {
    for (const warning of doubts)
      if (warnings.size < MAX_WARNINGS) warnings.set(`${warning.path} ${warning.message}`, warning);
  };
  for (const branch of branches) {
    for (const clause of branch) {
      // A condition outside of `$or` is in every branch.
      if (seen.has(clause)) continue;
      seen.add(clause);
      add(misspelt(clause));
      add(doubtsAbout(clause));
      add(ownAccesses(clause));
    }
    add(contradictions(branch, steps));
  }
  return [...warnings.values()];
}

/** Warns of a condition that takes the accesses which every run of the pipeline causes itself. */
function ownAccesses(clause: Clause): Warning[] {
  if (!takesAccesses(clause)) return [];
  const message =
    "each run looks at its object and may read it, which a store that reports accesses reports again: it runs without end";
  return [{ path: clause.at, message, suggestion: "an operation that no run makes" }];
}

function misspelt(clause: Clause): Warning[] {
  const written = clause.at.replaceAll(/\$or\[\d+\]\.?/g, "");
  const name = topOf(written);
  if (!clause.path.text.startsWith("metadata.") || name === "metadata") return [];
  const foreign = FOREIGN.get(name.toLowerCase());
  const meant = foreign ?? nearest(name, ATTRIBUTES);
  if (meant !== undefined) {
    const message = `${name} is no attribute, so this asks for metadata named ${name}`;
    return [{ path: clause.at, message, suggestion: meant }];
  }
  const long = OPERATOR_NAMES.filter((operator) => operator.length > 4);
  const operator = OPERATOR_NAMES.includes(name) ? name : nearest(name, long);
  if (operator === undefined) return [];
  const message = `${name} stands where an attribute should, so this asks for metadata named ${name}`;
  return [{ path: clause.at, message, suggestion: `{"key": [{"${operator}": …}]}` }];
}

/** Conditions that no object can meet together. Payload fields may hold several values. */
function contradictions(branch: Conjunction, steps: { left: number }): Warning[] {
  return branch.flatMap((clause, i) => {
    if (steps.left <= 0 || topOf(clause.path.text) === "payload") return [];
    const other = branch.slice(0, i).find((earlier) => excludeEachOther(earlier, clause, steps));
    if (other === undefined) return [];
    return [{ path: clause.at, message: `no object meets both this and ${other.at}` }];
  });
}
