// Whether one value passes one matcher: the meaning of every operator, in one switch.
// Fields, arrays and unknown values are judged in evaluate.ts.
import { addressBits } from "./cidr.ts";
import { matchesGlob } from "./glob.ts";
import { inRange } from "./range.ts";
import { fold, numberIn } from "./text.ts";
import type { Matcher, Scalar } from "./types.ts";
import { matchesWildcard } from "./wildcard.ts";
import { inWindow } from "./window.ts";

/** Whether a present value passes. For `not` that is whether none of its inner matchers takes the value. */
export function passes(matcher: Matcher, value: Scalar): boolean {
  switch (matcher.op) {
    case "equals":
      return value === matcher.value;
    case "present":
      return true;
    case "anything-but":
    case "not":
      return !matcher.none.some((inner) => passes(inner, value));
    case "range": {
      const number = matcher.readsText && typeof value === "string" ? numberIn(value) : value;
      return typeof number === "number" && inRange(matcher.range, number);
    }
    default:
      return typeof value === "string" && textPasses(matcher, value);
  }
}

type TextMatcher = Exclude<Matcher, { op: "equals" | "present" | "anything-but" | "not" | "range" }>;

function textPasses(matcher: TextMatcher, value: string): boolean {
  switch (matcher.op) {
    case "folded":
      return fold(value) === matcher.text;
    case "prefix":
      return (matcher.fold ? fold(value) : value).startsWith(matcher.text);
    case "suffix":
      return (matcher.fold ? fold(value) : value).endsWith(matcher.text);
    case "wildcard":
      return matchesWildcard(matcher.parts, value);
    case "glob":
      return matcher.globs.some((glob) => matchesGlob(glob, value));
    case "window":
      return inWindow(matcher, value);
    case "cidr":
      return addressBits(value)?.startsWith(matcher.bits) ?? false;
  }
}
