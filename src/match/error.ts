// The refusal of a filter, for the person who wrote it: the place, what was expected there, what was probably meant.

/** A filter or pattern that is refused when compiled. */
export class FilterError extends Error {
  /** Where in the filter: `key[0].prefx`. */
  readonly path: string;
  /** What would have been accepted there. */
  readonly expected: string;
  /** What was probably meant. */
  readonly suggestion: string | undefined;
  constructor(path: string, expected: string, suggestion?: string) {
    const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
    super(`${path === "" ? "the filter" : path}: expected ${expected}${hint}`);
    this.name = "FilterError";
    this.path = path;
    this.expected = expected;
    this.suggestion = suggestion;
  }
}
