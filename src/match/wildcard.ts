// EventBridge's `wildcard`: `*` is any text, `\*` a star, `\\` a backslash. Matching goes once through the
// text, whatever the pattern.
import { checkOperand, checkStars } from "./bounds.ts";
import { FilterError } from "./error.ts";

/** The literal texts between the stars: `a*b` is `["a", "b"]`, `*` is `["", ""]`. */
export function wildcardParts(operand: unknown, at: string): string[] {
  if (typeof operand !== "string") throw new FilterError(at, "text in which * stands for any text");
  checkOperand(operand, at);
  const parts = [""];
  for (let i = 0; i < operand.length; i++) {
    const char = operand.charAt(i);
    if (char === "*") {
      if (operand[i + 1] === "*")
        throw new FilterError(at, "no two stars in a row", operand.replace(/\*+/, "*"));
      parts.push("");
      continue;
    }
    const next = operand.charAt(i + 1);
    if (char === "\\" && next !== "*" && next !== "\\") {
      throw new FilterError(at, "a backslash only before * or another backslash");
    }
    if (char === "\\") i++;
    parts.push((parts.pop() ?? "") + operand.charAt(i));
  }
  checkStars(parts.length - 1, at);
  return parts;
}

/**
 * Whether text matches: first and last part anchored, the parts between found one after the other, each
 * at its leftmost place (taking an earlier one can never lose a match). `count` is called once per search, so that a
 * test can hold the work to its bound; each search starts where the one before ended.
 */
export function matchesWildcard(parts: readonly string[], text: string, count?: () => void): boolean {
  const first = parts[0] ?? "";
  if (parts.length === 1) return text === first;
  const last = parts[parts.length - 1] ?? "";
  const end = text.length - last.length;
  if (first.length > end || !text.startsWith(first) || !text.endsWith(last)) return false;
  let from = first.length;
  for (let i = 1; i < parts.length - 1; i++) {
    const part = parts[i] ?? "";
    count?.();
    const start = text.indexOf(part, from);
    if (start < 0 || start + part.length > end) return false;
    from = start + part.length;
  }
  return true;
}
