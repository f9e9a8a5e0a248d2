// The operators, one function each: what is written in a condition becomes a Matcher, or is refused.
// Neighbours: parse.ts, which finds the conditions, and matchers.ts, which judges values by them.

import { nearest } from "../shapes/nearest.ts";
import { isNumberAttribute } from "./attributes.ts";
import { checkAlternatives, checkOperand } from "./bounds.ts";
import { blockBits } from "./cidr.ts";
import { FilterError } from "./error.ts";
import { compileGlob } from "./glob.ts";
import { numericRange, sizeRange } from "./range.ts";
import { fold } from "./text.ts";
import type { Matcher, Scalar } from "./types.ts";
import { wildcardParts } from "./wildcard.ts";
import { timeWindow } from "./window.ts";

/** The field of a condition: its path, and whether Weir's own operators are allowed there. */
export interface ConditionField {
  path: string;
  weir: boolean;
}
type Parse = (operand: unknown, at: string, place: ConditionField) => Matcher;

const EVENTBRIDGE = new Map<string, Parse>([
  ["prefix", (operand, at) => affix("prefix", operand, at)],
  ["suffix", (operand, at) => affix("suffix", operand, at)],
  ["equals-ignore-case", (operand, at) => ({ op: "folded", text: fold(text(operand, at)) })],
  ["wildcard", (operand, at) => ({ op: "wildcard", parts: wildcardParts(operand, at) })],
  ["anything-but", anythingBut],
  [
    "numeric",
    (operand, at, place) => ({ op: "range", range: numericRange(operand, at), readsText: isText(place) }),
  ],
  ["exists", exists],
  ["cidr", (operand, at) => ({ op: "cidr", bits: blockBits(operand, at) })],
]);
const WEIR = new Map<string, Parse>([
  ...EVENTBRIDGE,
  ["glob", (operand, at) => ({ op: "glob", globs: compileGlob(operand, at) })],
  ["not", (operand, at, place) => ({ op: "not", none: parseMatchers(operand, at, place) })],
]);
/** Names of a time window's parts, which stand together in one object. */
const WINDOW = ["after", "before", "daily"];
/** Operators that `anything-but` may hold besides values. */
const NEGATABLE = ["equals-ignore-case", "prefix", "suffix", "wildcard"];

/** Every operator by name. */
export const OPERATOR_NAMES: readonly string[] = [...WEIR.keys()];

/** Matchers of a condition: a value, an operator, or a list of them of which one is enough. */
export function parseMatchers(written: unknown, at: string, place: ConditionField): Matcher[] {
  if (!Array.isArray(written)) return [parseMatcher(written, at, place)];
  if (written.length === 0) throw new FilterError(at, "at least one value or operator in the list");
  checkAlternatives(written, at);
  return written.map((alternative, i) => parseMatcher(alternative, `${at}[${i}]`, place));
}

function parseMatcher(written: unknown, at: string, place: ConditionField): Matcher {
  if (isScalar(written)) {
    if (place.weir && place.path === "size" && typeof written === "string") {
      checkOperand(written, at);
      return { op: "range", range: sizeRange(written, at), readsText: false };
    }
    return { op: "equals", value: written };
  }
  if (typeof written !== "object" || Array.isArray(written))
    throw new FilterError(at, "a value or an operator");
  const entries = Object.entries(written);
  if (place.weir && place.path === "time" && entries.some(([name]) => WINDOW.includes(name))) {
    return timeWindow(entries, at);
  }
  const [entry, ...more] = entries;
  if (entry === undefined || more.length > 0) throw new FilterError(at, "exactly one operator in the object");
  const [name, operand] = entry;
  const operators = place.weir ? WEIR : EVENTBRIDGE;
  const parse = operators.get(name);
  if (parse === undefined) {
    const names = [...operators.keys()];
    throw new FilterError(`${at}.${name}`, `one of ${names.join(", ")}`, nearest(name, names));
  }
  return parse(operand, `${at}.${name}`, place);
}

function affix(op: "prefix" | "suffix", operand: unknown, at: string): Matcher {
  if (typeof operand === "string") return { op, text: operand, fold: false };
  const inner = onlyEntry(operand);
  if (inner?.[0] !== "equals-ignore-case") throw new FilterError(at, 'text, or {"equals-ignore-case": text}');
  return { op, text: fold(text(inner[1], `${at}.equals-ignore-case`)), fold: true };
}

function exists(operand: unknown, at: string): Matcher {
  if (typeof operand !== "boolean") throw new FilterError(at, "true or false");
  return operand ? { op: "present" } : { op: "not", none: [{ op: "present" }] };
}

function anythingBut(operand: unknown, at: string, place: ConditionField): Matcher {
  if (typeof operand === "object" && operand !== null && !Array.isArray(operand)) {
    const [name, values] = onlyEntry(operand) ?? ["", undefined];
    if (!NEGATABLE.includes(name)) {
      throw new FilterError(
        at,
        `one of ${NEGATABLE.join(", ")} inside anything-but`,
        nearest(name, NEGATABLE),
      );
    }
    const none = list(values, `${at}.${name}`).map((value, i) => {
      const here = Array.isArray(values) ? `${at}.${name}[${i}]` : `${at}.${name}`;
      const affixed = name === "prefix" || name === "suffix";
      if (affixed && value === "")
        throw new FilterError(here, "text that is not empty: every text begins and ends with nothing");
      text(value, here);
      return parseMatcher({ [name]: value }, at, place);
    });
    return { op: "anything-but", none };
  }
  const values = list(operand, at);
  const kinds = new Set(values.map((value) => typeof value));
  if (kinds.size !== 1 || !(kinds.has("string") || kinds.has("number"))) {
    throw new FilterError(at, "texts or numbers, not both");
  }
  return { op: "anything-but", none: values.filter(isScalar).map((value) => ({ op: "equals", value })) };
}

/** Metadata and tags are always text, so numbers are read out of it. */
const isText = (place: ConditionField) =>
  place.weir && !isNumberAttribute(place.path) && /^(metadata|tags)\./.test(place.path);

const isScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";

function text(operand: unknown, at: string): string {
  if (typeof operand !== "string") throw new FilterError(at, "text");
  return operand;
}

function list(operand: unknown, at: string): unknown[] {
  if (!Array.isArray(operand)) return [operand];
  if (operand.length === 0) throw new FilterError(at, "at least one value in the list");
  checkAlternatives(operand, at);
  return operand;
}

function onlyEntry(operand: unknown): [string, unknown] | undefined {
  if (typeof operand !== "object" || operand === null) return undefined;
  const entries = Object.entries(operand);
  return entries.length === 1 ? entries[0] : undefined;
}
