// Words for what zod finds wrong with a value of a file, in the house's voice. A schema's own message stays as it is.
import type { z } from "zod";

const UNITS: Record<string, string> = { string: "characters", array: "entries", set: "entries" };

/** What is due at a place: `timeout_seconds must be at most 3600`. */
export function issueWords(issue: z.core.$ZodIssue, where: string): string {
  const subject = where === "" ? "The file" : where;
  switch (issue.code) {
    case "too_big":
      return limit(subject, issue.origin, "at most", issue.maximum, issue.inclusive);
    case "too_small":
      return limit(subject, issue.origin, "at least", issue.minimum, issue.inclusive);
    case "invalid_type":
      return `${subject} must be ${article(issue.expected)}`;
    default:
      return where === "" ? issue.message : `${where}: ${issue.message}`;
  }
}

function limit(
  subject: string,
  origin: string,
  bound: "at most" | "at least",
  value: number | bigint,
  inclusive: boolean | undefined,
): string {
  const unit = UNITS[origin];
  const words = inclusive === false ? (bound === "at most" ? "below" : "above") : bound;
  return unit ? `${subject} must have ${words} ${value} ${unit}` : `${subject} must be ${words} ${value}`;
}

const TYPES: Record<string, string> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};
const article = (type: string) => TYPES[type] ?? type;
