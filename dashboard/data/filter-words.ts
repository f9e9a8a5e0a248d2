// A filter over events in words: what each of its conditions asks for.
import { preview } from "./format.ts";

const OPERATORS: Record<string, (value: unknown) => string> = {
  prefix: (value) => `begins with ${listed(value)}`,
  suffix: (value) => `ends with ${listed(value)}`,
  "equals-ignore-case": (value) => `is ${listed(value)}, in upper or lower case`,
  wildcard: (value) => `looks like ${listed(value)}`,
  glob: (value) => `looks like ${listed(value)}`,
  "anything-but": (value) => `is anything but ${conditionIn(value).replace(/^is /, "")}`,
  not: (value) => `not: ${conditionIn(value)}`,
  numeric: (value) => (Array.isArray(value) ? `is ${pairs(value)}` : `is ${preview(value)}`),
  exists: (value) => (value === false ? "is absent" : "is there"),
};

/** Each condition of a filter as a sentence. An empty filter has none. */
export function sentencesIn(filter: Record<string, unknown>, above = ""): string[] {
  return Object.entries(filter).flatMap(([name, value]) => {
    if (name === "$or" && Array.isArray(value))
      return [value.map((branch) => sentencesIn(branch, above).join(" and ")).join(", or ")];
    const path = above === "" ? name : `${above}.${name}`;
    if (isTable(value) && !isOperator(value)) return sentencesIn(value, path);
    return [`${path} ${conditionIn(value)}`];
  });
}

function conditionIn(value: unknown): string {
  if (Array.isArray(value)) {
    const plain = value.filter((each) => !isTable(each));
    const others = value.filter((each) => isTable(each)).map(conditionIn);
    return [...(plain.length > 0 ? [`is ${listed(plain)}`] : []), ...others].join(" or ");
  }
  if (!isOperator(value)) return `is ${listed(value)}`;
  return Object.entries(value)
    .map(([name, operand]) => OPERATORS[name]?.(operand) ?? `${name} ${preview(operand)}`)
    .join(" and ");
}

const listed = (value: unknown): string =>
  Array.isArray(value) ? value.map((each) => preview(each)).join(" or ") : preview(value);

/** `[">=", 1, "<", 5]` as `>= 1 and < 5`. */
function pairs(values: readonly unknown[]): string {
  const found: string[] = [];
  for (let index = 0; index < values.length; index += 2) found.push(`${values[index]} ${values[index + 1]}`);
  return found.join(" and ");
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isOperator = (value: unknown): value is Record<string, unknown> =>
  isTable(value) && Object.keys(value).some((name) => Object.hasOwn(OPERATORS, name));
