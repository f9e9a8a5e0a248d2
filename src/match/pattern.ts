// Plain EventBridge patterns on raw JSON, for those who bring their own events.
import { evaluate } from "./evaluate.ts";
import { finder } from "./filter-index.ts";
import { JsonView } from "./json-view.ts";
import { compilePattern } from "./parse.ts";
import type { Filter } from "./types.ts";

const compiled = new WeakMap<object, Filter>();

/**
 * Whether an event matches an EventBridge event pattern; a bare value stands for a list of one.
 * A pattern object is compiled once, so change a copy rather than the pattern itself.
 * @throws {FilterError} for a pattern that EventBridge refuses.
 */
export function matchesPattern(pattern: unknown, event: unknown): boolean {
  const key = typeof pattern === "object" && pattern !== null ? pattern : {};
  let filter = compiled.get(key);
  if (filter === undefined) {
    filter = compilePattern(pattern);
    compiled.set(key, filter);
  }
  return evaluate(filter, new JsonView(event)) === true;
}

/** An index over plain patterns; `match` takes raw JSON. @throws {FilterError} for an invalid pattern. */
export function buildPatternIndex<T>(entries: Iterable<{ pattern: unknown; value: T }>): {
  match(event: unknown): T[];
} {
  const find = finder(
    Array.from(entries, ({ pattern, value }) => ({ filter: compilePattern(pattern), value })),
  );
  // In raw JSON nothing is unknown, so what is found holds.
  return { match: (event) => find(new JsonView(event)).map((slot) => slot.value) };
}
