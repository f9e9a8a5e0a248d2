// Filters over all items of a shard. Each name that a filter uses becomes a column in memory: for every doc the number of
// its value, and every different value once, so that a condition is judged once for each value and not for each item. What
// a column cannot decide alone (conditions on one element of a list) is judged on the item itself.
import {
  type Conjunction,
  compileItemFilter,
  evaluate,
  type Filter,
  FilterError,
  isOfSet,
  JsonView,
  type Leaf,
  leavesIn,
  meets,
} from "../../src/match/index.ts";
import { FailureError } from "../../src/shapes/failure.ts";
import type { Catalog } from "./catalog.ts";
import { eachItem, eachSet, itemOf } from "./items.ts";
import type { DocMask } from "./space.ts";

type Path = Conjunction[number]["path"];

/** Characters of the different values of all columns that are kept. */
const MAX_VALUE_CHARS = 12_000_000;
/** Different answers to a condition: no, yes, only the item can tell. */
const NO = 0;
const YES = 1;
const OPEN = 2;
const NO_VALUE = 0;
/** The number of values for which a column has no room: only the item has them. */
const UNKEPT = 1;

/** A name's values: `codes` has for each doc the number of its value, 0 for none. */
interface Column {
  path: Path;
  codes: Uint32Array;
  values: (readonly Leaf[] | undefined)[];
  known: Map<string, number>;
  chars: number;
}

export class Columns {
  readonly #sql: SqlStorage;
  readonly #catalog: Catalog;
  /** By path, the longest unused first. */
  readonly #columns = new Map<string, Column>();

  constructor(sql: SqlStorage, catalog: Catalog) {
    this.#sql = sql;
    this.#catalog = catalog;
  }

  get isEmpty(): boolean {
    return this.#columns.size === 0;
  }

  /**
   * The docs that pass a written filter; exactly those.
   * @throws FailureError `invalid` for what is no filter
   */
  mask(written: Record<string, unknown>): DocMask {
    const filter = compiled(written);
    const paths = new Map(filter.branches.flat().map(({ path }) => [path.text, path]));
    const columns = this.#open([...paths.values()]);
    const passing = new Uint8Array(this.#catalog.docs);
    for (const branch of filter.branches) {
      const verdicts = new Uint8Array(this.#catalog.docs).fill(YES);
      for (const clause of branch) {
        const column = columns.get(clause.path.text);
        if (!column) throw new Error(`no column ${clause.path.text}`);
        const byValue = Uint8Array.from(column.values, (leaves) =>
          leaves ? judged(clause.any, leaves) : OPEN,
        );
        const { codes } = column;
        for (let doc = 0; doc < verdicts.length; doc++) {
          const answer = byValue[codes[doc] ?? NO_VALUE] ?? NO;
          if (answer === NO) verdicts[doc] = NO;
          else if (answer === OPEN && verdicts[doc] === YES) verdicts[doc] = OPEN;
        }
      }
      for (let doc = 0; doc < verdicts.length; doc++)
        if (verdicts[doc] !== NO && passing[doc] !== YES) passing[doc] = verdicts[doc] ?? NO;
    }
    this.#settle(filter, passing);
    return (doc) => passing[doc] === YES;
  }

  /** Takes in the docs of a set that has been stored. */
  put({ common, docs }: StoredSet): void {
    for (const { doc, own } of docs)
      for (const column of this.#columns.values())
        note(column, doc, leavesIn(isOfSet(column.path.text) ? common : own, column.path));
    this.#trim();
  }

  /** Columns of these paths; those that are not there yet are read of all items together. */
  #open(paths: readonly Path[]): Map<string, Column> {
    const missing = paths.filter(({ text }) => !this.#columns.has(text)).map(newColumn);
    const common = missing.filter(({ path }) => isOfSet(path.text));
    const own = missing.filter(({ path }) => !isOfSet(path.text));
    if (common.length > 0) {
      for (const set of eachSet(this.#sql)) {
        const { docs } = set;
        const [doc = 0] = docs;
        const json = set.common();
        for (const column of common) {
          note(column, doc, leavesIn(json, column.path));
          for (const other of docs) put(column, other, column.codes[doc] ?? NO_VALUE);
        }
      }
    }
    if (own.length > 0)
      for (const { doc, own: json } of eachItem(this.#sql, this.#catalog))
        for (const column of own) note(column, doc, leavesIn(json, column.path));
    for (const column of missing) this.#columns.set(column.path.text, column);
    const opened = new Map<string, Column>();
    for (const { text } of paths) {
      const column = this.#columns.get(text);
      if (!column) continue;
      opened.set(text, column);
      // The last used stands last.
      this.#columns.delete(text);
      this.#columns.set(text, column);
    }
    this.#trim();
    return opened;
  }

  /** Forgets columns until the rest is within its bound. A column that is too large alone serves its query and goes. */
  #trim(): void {
    let chars = [...this.#columns.values()].reduce((sum, column) => sum + column.chars, 0);
    for (const [name, column] of this.#columns) {
      if (chars <= MAX_VALUE_CHARS) return;
      this.#columns.delete(name);
      chars -= column.chars;
    }
  }

  /** Judges the items themselves where columns alone do not decide. */
  #settle(filter: Filter, passing: Uint8Array): void {
    if (!passing.includes(OPEN)) return;
    for (const { name, docs, common } of eachSet(this.#sql))
      docs.forEach((doc, position) => {
        if (passing[doc] !== OPEN) return;
        const own = itemOf(this.#sql, name, position, doc);
        passing[doc] = evaluate(filter, new JsonView({ ...common(), ...own })) === true ? YES : NO;
      });
  }
}

/** A set that has been stored, as filters and orders see it. */
export interface StoredSet {
  common: object;
  docs: { doc: number; own: object }[];
}

const newColumn = (path: Path): Column => ({
  path,
  codes: new Uint32Array(0),
  values: [[], undefined],
  known: new Map(),
  chars: 0,
});

function note(column: Column, doc: number, leaves: readonly Leaf[]): void {
  if (leaves.length === 0) {
    put(column, doc, NO_VALUE);
    return;
  }
  // Values inside elements of a list are told from values beside each other: they are never decided here.
  const name = JSON.stringify([leaves.some(({ place }) => place), ...leaves.map(({ value }) => value)]);
  let code = column.known.get(name);
  if (code === undefined && column.chars > MAX_VALUE_CHARS) code = UNKEPT;
  if (code === undefined) {
    code = column.values.push(leaves) - 1;
    column.known.set(name, code);
    column.chars += 2 * name.length + 64;
  }
  put(column, doc, code);
}

function put(column: Column, doc: number, code: number): void {
  if (doc >= column.codes.length) {
    const codes = new Uint32Array(Math.max(doc + 1, column.codes.length * 2, 1024));
    codes.set(column.codes);
    column.codes = codes;
  }
  column.codes[doc] = code;
}

/** What a field's values say of a condition, where they stand in no list of objects. */
function judged(any: Conjunction[number]["any"], leaves: readonly Leaf[]): number {
  const isMet = meets(any, leaves);
  if (!leaves.some(({ place }) => place)) return isMet ? YES : NO;
  // A `not` may hold for one element and fail for the list as a whole.
  return isMet || any.some(({ op }) => op === "not") ? OPEN : NO;
}

function compiled(written: Record<string, unknown>): Filter {
  try {
    return compileItemFilter(written);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const { message, path, expected } = error;
    throw new FailureError({
      kind: "invalid",
      detail: message,
      where: path === "" ? "filter" : `filter.${path}`,
      expected,
      next: "the names of an item are in docs/search.md",
    });
  }
}
