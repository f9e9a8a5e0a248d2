// Bounds on a filter's size and on the work of judging it, so that nobody who may try a filter can stop the router
// with one. parse.ts checks a filter as written and as compiled; explain.ts and lint.ts bound their answers. The
// figures are in docs/filters.md; each is far from what people write.
import { FilterError } from "./error.ts";
import type { Clause, Conjunction, Filter, Matcher } from "./types.ts";

/** Objects and lists of a filter inside each other. */
export const MAX_DEPTH = 16;
/** A written filter as JSON, characters. */
export const MAX_FILTER_CHARS = 32_768;
/** A whole dotted name, characters, and the names in it. */
export const MAX_NAME_CHARS = 512;
export const MAX_NAMES = 16;
/** Conditions that must hold together, summed over all combinations of `$or`. */
export const MAX_CLAUSES = 5_000;
/** Values and operators of one condition. */
export const MAX_ALTERNATIVES = 1_000;
/** The text that an operator compares with, characters: no key is longer. */
export const MAX_OPERAND_CHARS = 1_024;
/** Stars of one wildcard or glob. */
export const MAX_STARS = 32;
/** Characters and stars of all globs and wildcards, braces written out, summed over all combinations. */
export const MAX_TOKENS = 20_000;

/**
 * Checks a filter as written, before it is compiled. Takes time in proportion to what it accepts.
 * @throws {FilterError} with the first place that is beyond a bound
 */
export function checkWritten(written: unknown): void {
  let room = MAX_FILTER_CHARS;
  const spend = (chars: number) => {
    room -= chars;
    if (room < 0) throw new FilterError("", `at most ${MAX_FILTER_CHARS} characters of JSON`);
  };
  const look = (value: unknown, at: string, depth: number) => {
    if (typeof value === "string") spend(value.length + 2);
    else if (typeof value !== "object" || value === null) spend(4);
    else {
      if (depth > MAX_DEPTH) {
        throw new FilterError(shortened(at), `at most ${MAX_DEPTH} objects and lists inside each other`);
      }
      if (!Array.isArray(value)) {
        for (const [name, inner] of Object.entries(value)) {
          spend(name.length + 4);
          if (name.length > MAX_NAME_CHARS) {
            throw new FilterError(shortened(at), `names of at most ${MAX_NAME_CHARS} characters`);
          }
          look(inner, at === "" ? name : `${at}.${name}`, depth + 1);
        }
      } else {
        spend(2);
        value.forEach((inner, i) => {
          spend(1);
          look(inner, `${at}[${i}]`, depth + 1);
        });
      }
    }
  };
  look(written, "", 1);
}

/** @throws {FilterError} for a dotted name that is too long, or of too many names */
export function checkName(text: string, at: string): void {
  if (text.length <= MAX_NAME_CHARS && text.split(".", MAX_NAMES + 1).length <= MAX_NAMES) return;
  const expected = `at most ${MAX_NAMES} names and ${MAX_NAME_CHARS} characters in a dotted name`;
  throw new FilterError(shortened(at), expected);
}

/** @throws {FilterError} for a list of more values and operators than one condition may have */
export function checkAlternatives(list: readonly unknown[], at: string): void {
  if (list.length > MAX_ALTERNATIVES) {
    throw new FilterError(at, `at most ${MAX_ALTERNATIVES} values and operators in one list`);
  }
}

/** @throws {FilterError} for what an operator cannot usefully compare with */
export function checkOperand(operand: string, at: string): void {
  if (operand.length > MAX_OPERAND_CHARS) {
    throw new FilterError(at, `text of at most ${MAX_OPERAND_CHARS} characters`);
  }
}

/** @throws {FilterError} for more stars than a pattern needs */
export function checkStars(stars: number, at: string): void {
  if (stars > MAX_STARS) throw new FilterError(at, `at most ${MAX_STARS} stars`);
}

/** @throws {FilterError} for combinations that come to more than a bound in all */
export function checkCompiled(branches: readonly Conjunction[]): void {
  const { clauses, tokens } = sizeOf({ branches });
  if (clauses > MAX_CLAUSES) {
    throw new FilterError("", `at most ${MAX_CLAUSES} conditions in all combinations of $or together`);
  }
  if (tokens > MAX_TOKENS) {
    const expected = `globs and wildcards of at most ${MAX_TOKENS} characters in all, braces written out`;
    throw new FilterError("", expected);
  }
}

export interface FilterSize {
  /** Conditions in all branches. */
  clauses: number;
  /** Values and operators that are tried once on an attribute. */
  values: number;
  /** Parts of globs and wildcards, each of which may be tried once for every character of a text. */
  tokens: number;
  /** Names of paths, values and operators that are tried on each value of a payload. */
  inPayload: number;
}

/** Size of all branches of a compiled filter together. */
export function sizeOf({ branches }: Filter): FilterSize {
  const sizes = new Map<Clause, FilterSize>();
  const sum: FilterSize = { clauses: 0, values: 0, tokens: 0, inPayload: 0 };
  for (const branch of branches) {
    for (const clause of branch) {
      const size = sizes.get(clause) ?? sizeOfClause(clause);
      sizes.set(clause, size);
      sum.clauses++;
      sum.values += size.values;
      sum.tokens += size.tokens;
      sum.inPayload += size.inPayload;
    }
  }
  return sum;
}

function sizeOfClause({ path, any }: Clause): FilterSize {
  const { values, tokens } = sizeOfAll(any);
  const names = path.names.length;
  return { clauses: 1, values, tokens, inPayload: names > 1 ? names * (names + 1) + values : 0 };
}

/** Size of alternatives together; `chars` are those of plain values. */
export function sizeOfAll(any: readonly Matcher[]): { values: number; tokens: number; chars: number } {
  let [values, tokens, chars] = [any.length, 0, 0];
  for (const matcher of any) {
    if (matcher.op === "wildcard") tokens += matcher.parts.reduce((sum, part) => sum + part.length + 1, 0);
    else if (matcher.op === "glob") tokens += matcher.globs.reduce((sum, glob) => sum + glob.steps, 0);
    else if (readsAll(matcher)) tokens++;
    else if (matcher.op === "equals") chars += String(matcher.value).length;
    else if ("none" in matcher) {
      const inner = sizeOfAll(matcher.none);
      values += inner.values;
      tokens += inner.tokens;
      chars += inner.chars;
    }
  }
  return { values, tokens, chars };
}

/** Whether the matcher reads a text to its end, to fold it or to see what it spells. */
const readsAll = (matcher: Matcher) =>
  ["folded", "window", "cidr"].includes(matcher.op) ||
  ("fold" in matcher && matcher.fold) ||
  ("readsText" in matcher && matcher.readsText);

/**
 * Steps that judging an event may take at most, by its length as JSON, for those who judge what strangers send. A step
 * takes a few nanoseconds.
 */
export function maxSteps({ values, tokens, inPayload }: FilterSize, chars: number): number {
  return values + (tokens + inPayload) * chars;
}

/** A place in a filter, cut to the length that a person reads. */
const shortened = (at: string) => (at.length <= 200 ? at : `${at.slice(0, 200)}…`);
