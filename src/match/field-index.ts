// The index of one path: from a value of that field to the entries whose condition on it may hold.
// Each kind of access has its own table; a table exists only if something is filed in it.
import type { Access } from "./access.ts";
import { addressBits } from "./cidr.ts";
import type { Judge } from "./prefix-table.ts";
import { type PrefixTable, prefixTable } from "./prefix-table.ts";
import type { Range } from "./range.ts";
import { type RangeTable, rangeTable } from "./range-table.ts";
import { fold, numberIn, reversed } from "./text.ts";
import type { Path, Scalar } from "./types.ts";

const BY_TEXT = ["prefix", "suffix", "foldedPrefix", "foldedSuffix", "block"] as const;

export class FieldIndex<E> {
  readonly path: Path;
  /** Everything filed here: what an unknown value may turn out to reach. */
  readonly all: E[] = [];
  readonly #equals = new Map<Scalar, E[]>();
  readonly #folded = new Map<string, E[]>();
  readonly #present: E[] = [];
  readonly #texts = new Map<string, Map<string, E[]>>();
  readonly #ranges = {
    number: [] as { range: Range; entry: E }[],
    instant: [] as { range: Range; entry: E }[],
  };
  #tables = new Map<string, PrefixTable<E>>();
  #numbers: RangeTable<E> | undefined;
  #instants: RangeTable<E> | undefined;
  #hasTables = false;

  constructor(path: Path) {
    this.path = path;
  }

  file(accesses: readonly Access[], entry: E) {
    this.all.push(entry);
    for (const access of accesses) {
      if (access.by === "equals") append(this.#equals, access.value, entry);
      else if (access.by === "folded") append(this.#folded, access.text, entry);
      else if (access.by === "present") this.#present.push(entry);
      else if ("range" in access) this.#ranges[access.by].push({ range: access.range, entry });
      else {
        const filed = this.#texts.get(access.by) ?? new Map<string, E[]>();
        append(filed, access.text, entry);
        this.#texts.set(access.by, filed);
      }
    }
  }

  /** Builds the tables, after the last `file` and before the first `find`. */
  finish() {
    for (const by of BY_TEXT) {
      const filed = this.#texts.get(by);
      if (filed !== undefined) this.#tables.set(by, prefixTable(filed));
    }
    this.#texts.clear();
    if (this.#ranges.number.length > 0) this.#numbers = rangeTable(this.#ranges.number);
    if (this.#ranges.instant.length > 0) this.#instants = rangeTable(this.#ranges.instant);
    const ranges = this.#numbers ?? this.#instants;
    this.#hasTables = this.#folded.size + this.#tables.size > 0 || ranges !== undefined;
  }

  /** Gives the judge every entry whose condition this value may meet, some perhaps more than once. */
  find(value: Scalar, judge: Judge<E>) {
    const equal = this.#equals.get(value);
    if (equal !== undefined) judge.judgeAll(equal);
    if (this.#present.length > 0) judge.judgeAll(this.#present);
    if (typeof value === "number") this.#numbers?.find(value, judge);
    else if (typeof value === "string" && this.#hasTables) this.#findText(value, judge);
  }

  #findText(text: string, judge: Judge<E>) {
    const tables = this.#tables;
    if (this.#folded.size > 0) judge.judgeAll(this.#folded.get(fold(text)) ?? []);
    tables.get("prefix")?.find(text, judge);
    tables.get("suffix")?.find(reversed(text), judge);
    tables.get("foldedPrefix")?.find(fold(text), judge);
    tables.get("foldedSuffix")?.find(reversed(fold(text)), judge);
    const blocks = tables.get("block");
    const bits = blocks === undefined ? undefined : addressBits(text);
    if (bits !== undefined) blocks?.find(bits, judge);
    const number = this.#numbers === undefined ? undefined : numberIn(text);
    if (number !== undefined) this.#numbers?.find(number, judge);
    const instant = this.#instants === undefined ? Number.NaN : Date.parse(text);
    if (!Number.isNaN(instant)) this.#instants?.find(instant, judge);
  }
}

function append<K, E>(map: Map<K, E[]>, key: K, entry: E) {
  const list = map.get(key);
  if (list === undefined) map.set(key, [entry]);
  else list.push(entry);
}
