// The filter language's public face. Neighbours import this file only; the language is docs/filters.md.

export { type FilterSize, maxSteps, sizeOf } from "./bounds.ts";
export { FilterError } from "./error.ts";
export { evaluate, meets } from "./evaluate.ts";
export { type ClauseExplanation, type Explanation, explain } from "./explain.ts";
export { buildIndex, type FilterIndex, type Matches } from "./filter-index.ts";
export { itemPath } from "./item-names.ts";
export { isOfSet, itemJson, itemView, type JudgedItem, setJson } from "./item-view.ts";
export { JsonView, leavesIn } from "./json-view.ts";
export { lintFilter } from "./lint.ts";
export { canNameEvents, namesEvent } from "./naming.ts";
export { compileFilter, compileItemFilter, compilePattern } from "./parse.ts";
export { buildPatternIndex, matchesPattern } from "./pattern.ts";
export { reasonOf } from "./reason.ts";
export type {
  Conjunction,
  Filter,
  FilterVerdict,
  Leaf,
  Lookup,
  ValueSource,
  View,
  Warning,
} from "./types.ts";
export { type ObjectAttributes, stateView, viewOf, viewOfPresent } from "./view.ts";
