// Compiles a written filter: nesting and dotted names become paths, `$or` becomes branches, conditions become clauses.
// The dialects (filters of events, filters of items, plain patterns) differ only in names and in the operators allowed.
import { filterPath, isScalarAttribute, lookupOf, pathOf, topOf } from "./attributes.ts";
import { checkCompiled, checkWritten, MAX_CLAUSES } from "./bounds.ts";
import { FilterError } from "./error.ts";
import { attributeOfItem, isItemScalar, itemPath } from "./item-names.ts";
import { OPERATOR_NAMES, parseMatchers } from "./operators.ts";
import type { Clause, Conjunction, Filter, Path } from "./types.ts";

/** Combinations of `$or` at most, as in EventBridge; a filter with more should be several. */
const MAX_BRANCHES = 1000;

interface Dialect {
  weir: boolean;
  path(written: string, at: string): Path;
  /** The attribute whose operators a path takes, where that is another name than its own. */
  attribute?(path: string): string;
  /** Whether an object under this name is an operator rather than names one level deeper. */
  holdsOperator(written: string, value: object): boolean;
}

const PATTERN: Dialect = { weir: false, path: pathOf, holdsOperator: () => false };
const FILTER: Dialect = {
  weir: true,
  path: filterPath,
  holdsOperator(written, value) {
    const top = topOf(written);
    if (isScalarAttribute(top)) return true;
    if (top === "payload" || written === "metadata" || written === "tags") return false;
    return isOneOperator(value);
  },
};
const ITEM: Dialect = {
  weir: true,
  path: itemPath,
  attribute: attributeOfItem,
  holdsOperator: (written, value) => isItemScalar(written) || (written.includes(".") && isOneOperator(value)),
};

function isOneOperator(value: object): boolean {
  const [name, ...more] = Object.keys(value);
  return name !== undefined && more.length === 0 && OPERATOR_NAMES.includes(name);
}

/** Compiles a pipeline's `filters`. @throws {FilterError} with the place, what is expected, and a guess. */
export const compileFilter = (filter: unknown): Filter => compile(filter, FILTER);

/** Compiles a plain EventBridge pattern, which names fields of raw JSON. @throws {FilterError} */
export const compilePattern = (pattern: unknown): Filter => compile(pattern, PATTERN);

/** Compiles a filter over items, which names `object`, `data`, `span` and what else {@link itemPath} knows. @throws {FilterError} */
export const compileItemFilter = (filter: unknown): Filter => compile(filter, ITEM);

function compile(written: unknown, dialect: Dialect): Filter {
  if (!isObject(written)) throw new FilterError("", "an object of names and conditions");
  checkWritten(written);
  const branches = parseObject(written, "", "", dialect);
  checkCompiled(branches);
  return { branches: branches.map((clauses) => clauses.toSorted(byPath)) };
}

/** UTF-16 order, as EventBridge's engine sorts: it decides which conditions an absence is judged after. */
const byPath = (a: Clause, b: Clause) => (a.path.text < b.path.text ? -1 : a.path.text > b.path.text ? 1 : 0);

function parseObject(written: object, above: string, at: string, dialect: Dialect): Conjunction[] {
  let branches: Clause[][] = [[]];
  for (const [name, value] of Object.entries(written)) {
    const here = at === "" ? name : `${at}.${name}`;
    const alternatives =
      name === "$or" ? parseOr(value, above, here, dialect) : parseField(name, value, above, here, dialect);
    if (branches.length * alternatives.length > MAX_BRANCHES) {
      throw new FilterError(here, `at most ${MAX_BRANCHES} combinations of all $or branches`);
    }
    if (count(branches) * alternatives.length + count(alternatives) * branches.length > MAX_CLAUSES) {
      throw new FilterError(here, `at most ${MAX_CLAUSES} conditions in all combinations of $or together`);
    }
    const [first = [], ...others] = alternatives;
    if (others.length === 0) for (const left of branches) left.push(...first);
    else branches = branches.flatMap((left) => alternatives.map((right) => [...left, ...right]));
  }
  return branches;
}

const count = (branches: readonly Conjunction[]) => branches.reduce((sum, { length }) => sum + length, 0);

function parseField(
  name: string,
  value: unknown,
  above: string,
  at: string,
  dialect: Dialect,
): Conjunction[] {
  const written = above === "" ? name : `${above}.${name}`;
  if (isObject(value) && !dialect.holdsOperator(written, value)) {
    if (Object.keys(value).length === 0) throw new FilterError(at, "at least one name in the object");
    return parseObject(value, written, at, dialect);
  }
  const path = dialect.path(written, at);
  if (dialect.weir && written.split(".").includes("__proto__")) {
    throw new FilterError(at, "a name that metadata or a payload can have: nothing is ever named __proto__");
  }
  const attribute = dialect.attribute?.(path.text) ?? path.text;
  const any = parseMatchers(value, at, { path: attribute, weir: dialect.weir });
  return [[{ path, any, at, expected: value, lookup: dialect.weir ? lookupOf(path) : undefined }]];
}

function parseOr(value: unknown, above: string, at: string, dialect: Dialect): Conjunction[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new FilterError(at, "a list of objects, one per alternative");
  return value.flatMap((alternative, i) => {
    const here = `${at}[${i}]`;
    if (!isObject(alternative) || Object.keys(alternative).length === 0)
      throw new FilterError(here, "an object with at least one name");
    return parseObject(alternative, above, here, dialect);
  });
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
