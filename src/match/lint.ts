// Filters that are valid and yet cannot mean what was written: warnings, with what was probably meant.
// Neighbours: parse.ts refuses what is wrong, doubts.ts knows what single conditions can never meet.
import { ATTRIBUTES, topOf } from "./attributes.ts";
import { doubtsAbout, excludeEachOther } from "./doubts.ts";
import { nearest } from "./error.ts";
import { OPERATOR_NAMES } from "./operators.ts";
import { compileFilter } from "./parse.ts";
import type { Clause, Conjunction, Warning } from "./types.ts";

/** Names by which others know what Weir calls `bucket`, `key` …: filters on them are metadata here. */
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

/**
 * Doubts about a filter as written: attributes that look misspelt, alternatives and combinations that can
 * never hold. No warning is a proof of sense. @throws {FilterError} if the filter is invalid.
 */
export function lintFilter(filter: unknown): Warning[] {
  const { branches } = compileFilter(filter);
  const warnings = new Map<string, Warning>();
  for (const branch of branches) {
    for (const clause of branch) {
      for (const warning of [...misspelt(clause), ...doubtsAbout(clause)]) {
        warnings.set(`${warning.path} ${warning.message}`, warning);
      }
    }
    for (const warning of contradictions(branch)) warnings.set(`${warning.path} ${warning.message}`, warning);
  }
  return [...warnings.values()];
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
function contradictions(branch: Conjunction): Warning[] {
  return branch.flatMap((clause, i) => {
    if (topOf(clause.path.text) === "payload") return [];
    const other = branch.slice(0, i).find((earlier) => excludeEachOther(earlier, clause));
    if (other === undefined) return [];
    return [{ path: clause.at, message: `no object meets both this and ${other.at}` }];
  });
}
