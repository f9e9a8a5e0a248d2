// Doubts about single conditions, by what Weir knows of the attributes (kinds of value, closed lists of names,
// spellings), and pairs of conditions that exclude each other. lint.ts turns them into warnings.
import { EVENT_TYPES, SENDERS } from "../shapes/event-names.ts";
import { nearest } from "../shapes/nearest.ts";
import { extensionOf, isNumberAttribute, nameOf, topOf } from "./attributes.ts";
import { sizeOfAll } from "./bounds.ts";
import { passes } from "./matchers.ts";
import type { Clause, Matcher, Warning } from "./types.ts";

interface Doubt {
  message: string;
  suggestion?: string;
}
const CLOSED = new Map<string, readonly string[]>([
  ["type", EVENT_TYPES],
  ["sender", SENDERS],
]);

/** Warnings about the alternatives of one condition. */
export function doubtsAbout(clause: Clause): Warning[] {
  const warnings: Warning[] = [];
  const attribute = topOf(clause.path.text);
  const isList = Array.isArray(clause.expected);
  for (const [i, matcher] of clause.any.entries()) {
    const path = isList ? `${clause.at}[${i}]` : clause.at;
    const doubt = doubtAbout(matcher, attribute);
    if (doubt !== undefined) warnings.push({ path, ...doubt });
  }
  const exists = clause.any.some((matcher) => matcher.op === "present");
  if (exists && clause.any.some(isAbsent)) {
    warnings.push({ path: clause.at, message: "every event meets this, whether the field exists or not" });
  }
  return warnings;
}

function doubtAbout(matcher: Matcher, attribute: string): Doubt | undefined {
  if (attribute === "payload" || matcher.op === "present") return undefined;
  if (matcher.op === "not" || matcher.op === "anything-but") {
    const inner = matcher.none
      .map((alternative) => doubtAbout(alternative, attribute))
      .find((doubt) => doubt !== undefined);
    return inner && { ...inner, message: `this excludes nothing: ${inner.message}` };
  }
  if (isNumberAttribute(attribute)) return numberDoubt(matcher, attribute);
  if (matcher.op === "range" && matcher.readsText) return undefined;
  if (matcher.op === "range") return { message: `${attribute} is text, which no number equals` };
  if (matcher.op === "equals" && typeof matcher.value !== "string") {
    const { value } = matcher;
    return {
      message: `${attribute} is text, which never equals ${value}`,
      suggestion: JSON.stringify(String(value)),
    };
  }
  return textDoubt(matcher, attribute);
}

function numberDoubt(matcher: Matcher, attribute: string): Doubt | undefined {
  if (matcher.op === "range") {
    const { high, highOpen } = matcher.range;
    return high < 0 || (high === 0 && highOpen) ? { message: `${attribute} is never below 0` } : undefined;
  }
  if (matcher.op === "equals" && typeof matcher.value === "number") {
    const whole = Number.isInteger(matcher.value) && matcher.value >= 0;
    return whole ? undefined : { message: `${attribute} is a whole number of bytes` };
  }
  return { message: `${attribute} is a number, which this never meets`, suggestion: '">= 10MB"' };
}

function textDoubt(matcher: Matcher, attribute: string): Doubt | undefined {
  const closed = CLOSED.get(attribute);
  if (closed !== undefined && !closed.some((name) => passes(matcher, name))) {
    const near = matcher.op === "equals" ? nearest(String(matcher.value), closed) : undefined;
    const message = `${attribute} is one of ${closed.join(", ")}`;
    return near === undefined ? { message } : { message, suggestion: near };
  }
  const text = matcher.op === "equals" ? String(matcher.value) : "text" in matcher ? matcher.text : undefined;
  if (text === undefined) return undefined;
  if (attribute === "extension" && matcher.op !== "folded" && /^\.|[A-Z]/.test(text)) {
    const plain = text.replace(/^\./, "").toLowerCase();
    return { message: "an extension is in lower case and has no dot", suggestion: plain };
  }
  if (attribute === "name" && text.includes("/")) return { message: "a name has no /", suggestion: "key" };
  if (attribute === "etag" && text.includes('"')) {
    return { message: "an etag has no quotes here", suggestion: text.replaceAll('"', "") };
  }
  return undefined;
}

const isAbsent = (matcher: Matcher) =>
  matcher.op === "not" && matcher.none.some(({ op }) => op === "present");

/** Steps of comparing two conditions: each alternative of the one is held against each of the other. */
function stepsToCompare(left: Clause, right: Clause): number {
  const [a, b] = [sizeOfAll(left.any), sizeOfAll(right.any)];
  return 1 + a.values * b.values + a.tokens * b.chars + b.tokens * a.chars;
}

/**
 * Whether no object can meet both conditions. Says so only when sure, and when there are steps left to find out:
 * those that it takes are taken off.
 */
export function excludeEachOther(left: Clause, right: Clause, steps: { left: number }): boolean {
  const paths = [left.path.text, right.path.text];
  const [same, other] = paths;
  const common = same === other ? same : ["extension", "name"].find((derived) => paths.includes(derived));
  steps.left -= common === undefined ? 1 : stepsToCompare(left, right);
  if (common === undefined || steps.left < 0) return false;
  const [some, others] = [left, right].map((clause) =>
    clause.any.map((alternative) => seenAs(common, clause, alternative)),
  );
  return some?.every((a) => others?.every((b) => a && b && exclude(a, b))) ?? false;
}

/** The matcher on name or extension that follows from a condition on key or name; undefined if none surely does. */
function seenAs(attribute: string, { path }: Clause, matcher: Matcher): Matcher | undefined {
  if (path.text === attribute) return matcher;
  if (path.text !== "key" && path.text !== "name") return undefined;
  const text = matcher.op === "suffix" && !matcher.fold ? matcher.text : undefined;
  if (matcher.op === "equals" && typeof matcher.value === "string") {
    const name = nameOf(matcher.value);
    return { op: "equals", value: attribute === "name" ? name : (extensionOf(name) ?? null) };
  }
  if (text === undefined || text.includes("/")) return undefined;
  if (attribute === "name") return matcher;
  const extension = extensionOf(`any${text}`);
  return text.includes(".") && extension !== undefined ? { op: "equals", value: extension } : undefined;
}

function exclude(a: Matcher, b: Matcher): boolean {
  if (a.op === "equals") return !passes(b, a.value);
  if (b.op === "equals") return !passes(a, b.value);
  if (isAbsent(a) || isAbsent(b)) return a.op !== "not" || b.op !== "not";
  if (a.op === "range" && b.op === "range") {
    const [low, high] = a.range.low <= b.range.low ? [a.range, b.range] : [b.range, a.range];
    return low.high < high.low || (low.high === high.low && (low.highOpen || high.lowOpen));
  }
  if (a.op === "prefix" && b.op === "prefix" && a.fold === b.fold) {
    return !a.text.startsWith(b.text) && !b.text.startsWith(a.text);
  }
  if (a.op === "suffix" && b.op === "suffix" && a.fold === b.fold) {
    return !a.text.endsWith(b.text) && !b.text.endsWith(a.text);
  }
  return false;
}
