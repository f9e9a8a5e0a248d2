// Filters over items as the address holds them: JSON in Weir's filter language, shown and changed condition by condition.
import { preview } from "./format.ts";

export type ItemFilter = Record<string, unknown>;

/** The filter of an address; none where its text is no filter, which the router would refuse. */
export function filterIn(text: string | undefined): ItemFilter {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as ItemFilter) : {};
  } catch {
    return {};
  }
}

/** Each condition of a filter with its dotted name. */
export function conditionsIn(filter: ItemFilter, above = ""): [string, unknown][] {
  return Object.entries(filter).flatMap(([name, value]) => {
    const path = above === "" ? name : `${above}.${name}`;
    const isTable = typeof value === "object" && value !== null && !Array.isArray(value);
    return isTable && name !== "$or"
      ? conditionsIn(value as ItemFilter, path)
      : [[path, value] as [string, unknown]];
  });
}

/**
 * The text of a filter with a condition added in place of one of the same name, or taken away where `condition` is
 * undefined; undefined where none is left.
 */
export function withCondition(
  text: string | undefined,
  name: string,
  condition?: unknown,
): string | undefined {
  const conditions = new Map(conditionsIn(filterIn(text)));
  conditions.delete(name);
  if (condition !== undefined) conditions.set(name, condition);
  const filter: ItemFilter = {};
  for (const [path, value] of conditions) {
    const steps = path.split(".");
    const leaf = steps.pop() ?? "";
    let at = filter;
    for (const step of steps) {
      at[step] ??= {};
      at = at[step] as ItemFilter;
    }
    at[leaf] = value;
  }
  return conditions.size > 0 ? JSON.stringify(filter) : undefined;
}

/** A condition as it would be typed: `= anna or bob`, `>= 10`, `!= 3`, `= films/*`; its JSON where nobody could type it. */
export function conditionText(condition: unknown): string {
  const values: unknown[] = Array.isArray(condition) ? condition : [condition];
  if (values.every((value) => typeof value !== "object")) return `= ${values.join(" or ")}`;
  const [operator, operand] = Object.entries(values[0] ?? {})[0] ?? [];
  if (values.length > 1 || operand === undefined) return preview(condition, 60);
  if (operator === "prefix" && typeof operand === "string") return `= ${operand}*`;
  if (operator === "anything-but" && isPlain(operand)) return `!= ${operand.join(" or ")}`;
  if (operator === "numeric" && isPlain(operand)) return operand.join(" ");
  return preview(condition, 60);
}

const isPlain = (value: unknown): value is unknown[] =>
  Array.isArray(value) && value.every((each) => typeof each !== "object");

/**
 * Reads a condition as it is typed: `data.speaker=anna`, `span.start>=10`, `data.score!=3`, `object.key=films/*`.
 * Undefined where the text is none.
 */
export function conditionFrom(text: string): { name: string; condition: unknown } | undefined {
  const [, name, operator = "=", value = ""] =
    /^([^=<>!\s]+)\s*(!=|>=|<=|=|>|<)\s*(.+)$/.exec(text.trim()) ?? [];
  if (name === undefined) return undefined;
  const given = valueIn(value);
  if (operator === "=") {
    if (typeof given === "string" && given.endsWith("*"))
      return { name, condition: [{ prefix: given.slice(0, -1) }] };
    return { name, condition: [given] };
  }
  if (operator === "!=") return { name, condition: [{ "anything-but": [given] }] };
  return { name, condition: [{ numeric: [operator, given] }] };
}

/** A number or a truth value where the text is one, as JSON has it; else the text. */
const valueIn = (text: string): string | number | boolean =>
  /^-?\d+(\.\d+)?$/.test(text) || /^(true|false)$/.test(text) ? (JSON.parse(text) as number | boolean) : text;
