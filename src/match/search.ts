// One match of an index: judges the filters that the index finds for a view, and keeps those that hold or may hold.
import { judge } from "./evaluate.ts";
import type { FieldIndex } from "./field-index.ts";
import { RememberingView } from "./remembering.ts";
import type { Conjunction, FilterVerdict, View } from "./types.ts";

/** One filter, and how far the match of number `run` has got with it; older numbers are out of date. */
export interface Slot<T> {
  value: T;
  order: number;
  run: number;
  verdict: FilterVerdict;
  /** Branches whose verdict is unknown. */
  hanging: Conjunction[];
}

/** One branch of a filter, as the index files it. */
export interface FiledBranch<T> {
  slot: Slot<T>;
  branch: Conjunction;
  run: number;
}

export class Search<T> {
  readonly #view = new RememberingView();
  #run = 0;
  #slots: Slot<T>[] | undefined;

  /** Begins the next match; what earlier ones left in slots and paths is out of date from here on. */
  begin(view: View) {
    this.#run++;
    this.#view.look(view, this.#run);
    this.#slots = undefined;
  }

  /** Judges what is filed under this field's value: all of it where the value is unknown. */
  judgeField(field: FieldIndex<FiledBranch<T>>) {
    const leaves = this.#view.leaves(field.path);
    if (leaves === "unknown") this.judgeAll(field.all);
    else for (const leaf of leaves) field.find(leaf.value, this);
  }

  /** Judges each branch that this match has not met yet. */
  judgeAll(entries: readonly FiledBranch<T>[]) {
    for (const entry of entries) {
      if (entry.run === this.#run) continue;
      entry.run = this.#run;
      const { slot, branch } = entry;
      if (slot.run === this.#run && slot.verdict === true) continue;
      const verdict = judge(branch, this.#view);
      if (verdict !== false) this.#keep(slot, branch, verdict);
    }
  }

  /** Slots that hold or may hold, in the order in which their filters were given. */
  slots(): readonly Slot<T>[] {
    return this.#slots?.sort(byOrder) ?? [];
  }

  #keep(slot: Slot<T>, branch: Conjunction, verdict: true | "unknown") {
    if (slot.run !== this.#run) {
      slot.run = this.#run;
      slot.hanging = [];
      if (this.#slots === undefined) this.#slots = [slot];
      else this.#slots.push(slot);
    }
    slot.verdict = verdict;
    if (verdict === "unknown") slot.hanging.push(branch);
  }
}

const byOrder = (a: Slot<unknown>, b: Slot<unknown>) => a.order - b.order;
