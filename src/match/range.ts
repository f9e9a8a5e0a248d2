// Ranges of numbers, and the three notations that make them: `numeric`, sizes with units, and instants.
import { FilterError } from "./error.ts";

export interface Range {
  low: number;
  lowOpen: boolean;
  high: number;
  highOpen: boolean;
}

export const inRange = (range: Range, n: number) =>
  (range.lowOpen ? n > range.low : n >= range.low) && (range.highOpen ? n < range.high : n <= range.high);

const COMPARISONS = ["<", "<=", "=", ">", ">="];

/** `{"numeric": [">", 0, "<=", 5]}`: one comparison, or a lower bound and then an upper bound. */
export function numericRange(operand: unknown, at: string): Range {
  if (!Array.isArray(operand)) throw new FilterError(at, 'a list such as [">", 0, "<=", 5]');
  const pairs: [string, number][] = [];
  for (let i = 0; i < operand.length; i += 2) {
    const [comparison, number] = [operand[i], operand[i + 1]];
    if (typeof comparison !== "string" || !COMPARISONS.includes(comparison)) {
      throw new FilterError(`${at}[${i}]`, `one of ${COMPARISONS.join(" ")}`);
    }
    if (typeof number !== "number") throw new FilterError(`${at}[${i + 1}]`, "a number");
    pairs.push([comparison, number]);
  }
  return rangeOf(pairs, at);
}

const UNITS = new Map(
  ["", "k", "m", "g", "t", "p"].flatMap((unit, power) => [
    [`${unit}b`, 1000 ** power],
    [unit === "" ? "" : `${unit}ib`, 1024 ** power],
  ]),
);

/**
 * `">= 10MB"`, `"> 1MiB, <= 2MiB"`, `"0"`: comparisons joined by a comma, all of which hold; none means `=`.
 * KB, MB … are powers of 1000, KiB, MiB … of 1024.
 */
export function sizeRange(text: string, at: string): Range {
  const pairs = text.split(",").map((part): [string, number] => {
    const [, comparison = "", digits = "", unit = ""] =
      /^\s*(<=?|>=?|=?)\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(part) ?? [];
    const factor = UNITS.get(unit.toLowerCase());
    if (digits === "" || factor === undefined) {
      throw new FilterError(at, 'a size such as "10MB", ">= 10MB" or "> 1MiB, <= 2MiB"');
    }
    return [comparison || "=", Number(digits) * factor];
  });
  return rangeOf(pairs, at);
}

/** The half-open span of time from `after` to `before`, in milliseconds since the epoch. */
export function instantRange(after: number | undefined, before: number | undefined, at: string): Range {
  const pairs: [string, number][] = [];
  if (after !== undefined) pairs.push([">=", after]);
  if (before !== undefined) pairs.push(["<", before]);
  return pairs.length === 0 ? everything() : rangeOf(pairs, at);
}

const everything = (): Range => ({ low: -Infinity, lowOpen: false, high: Infinity, highOpen: false });

function rangeOf(pairs: readonly [string, number][], at: string): Range {
  const shape = pairs.map(([comparison]) => comparison[0]).join("");
  if (!["=", "<", ">", "><"].includes(shape)) {
    throw new FilterError(at, "one comparison, or a lower bound and then an upper bound");
  }
  const range = everything();
  for (const [comparison, number] of pairs) {
    const open = comparison.length === 1;
    if (comparison === "=") [range.low, range.high] = [number, number];
    else if (comparison[0] === ">") [range.low, range.lowOpen] = [number, open];
    else [range.high, range.highOpen] = [number, open];
  }
  if (range.low > range.high || (range.low === range.high && (range.lowOpen || range.highOpen))) {
    throw new FilterError(at, "a range that some number can be in");
  }
  return range;
}
