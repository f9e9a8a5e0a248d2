// Many filters at once: matching costs about what the matching filters cost, not all of them. Every branch
// is filed under its most selective condition, found from there, and then judged as a whole.
import { Selectivity } from "./access.ts";
import { topOf } from "./attributes.ts";
import { judge } from "./evaluate.ts";
import { FieldIndex } from "./field-index.ts";
import type { Conjunction, Filter, Lookup, Verdict, View } from "./types.ts";

export interface Matches<T> {
  /** In the order in which the filters were given, as is `undecided`. */
  matched: T[];
  /** Filters whose outcome hangs on an attribute that is not known yet. */
  undecided: T[];
  /** The look-ups that would decide them. */
  needs: Set<Lookup>;
}

export interface FilterIndex<T> {
  match(view: View): Matches<T>;
}

/** One filter and where the current match has got with it; `run` tells this match from earlier ones. */
interface Slot<T> {
  value: T;
  order: number;
  run: number;
  verdict: Verdict;
  hanging: Conjunction[];
}
interface Entry<T> {
  slot: Slot<T>;
  branch: Conjunction;
  run: number;
}

/** With at most this many indexed paths, each is simply tried. */
const FEW_PATHS = 64;

/** Builds an index over filters. It does not change; build another when a filter does. */
export function buildIndex<T>(entries: Iterable<{ filter: Filter; value: T }>): FilterIndex<T> {
  const given = [...entries];
  const rarest = new Selectivity(given.flatMap(({ filter }) => filter.branches));
  const fields = new Map<string, FieldIndex<Entry<T>>>();
  const always: Entry<T>[] = [];
  for (const [order, { filter, value }] of given.entries()) {
    const slot: Slot<T> = { value, order, run: 0, verdict: false, hanging: [] };
    for (const branch of filter.branches) {
      const entry = { slot, branch, run: 0 };
      const best = rarest.best(branch);
      if (best === undefined) {
        always.push(entry);
        continue;
      }
      const { path } = best.clause;
      const field = fields.get(path.text) ?? new FieldIndex<Entry<T>>(path);
      field.file(best.accesses, entry);
      fields.set(path.text, field);
    }
  }
  for (const field of fields.values()) field.finish();
  const byTop = Map.groupBy(fields.values(), (field) => topOf(field.path.text));
  let run = 0;

  function* worthTrying(view: View): Iterable<FieldIndex<Entry<T>>> {
    if (view.candidates === undefined || fields.size <= FEW_PATHS) return yield* fields.values();
    for (const name of view.candidates(byTop)) {
      const field = fields.get(name);
      yield* byTop.get(name) ?? (field === undefined ? [] : [field]);
    }
  }

  return {
    match(view) {
      run++;
      const touched: Slot<T>[] = [];
      const consider = (entry: Entry<T>) => {
        if (entry.run === run) return;
        entry.run = run;
        const { slot, branch } = entry;
        if (slot.run === run && slot.verdict === true) return;
        const verdict = judge(branch, view);
        if (verdict === false) return;
        if (slot.run !== run) {
          Object.assign(slot, { run, hanging: [] });
          touched.push(slot);
        }
        slot.verdict = verdict;
        if (verdict === "unknown") slot.hanging.push(branch);
      };
      always.forEach(consider);
      for (const field of worthTrying(view)) {
        const leaves = view.leaves(field.path);
        if (leaves === "unknown") field.all.forEach(consider);
        else for (const leaf of leaves) field.find(leaf.value, consider);
      }
      return settle(touched, view);
    },
  };
}

function settle<T>(touched: Slot<T>[], view: View): Matches<T> {
  const matches: Matches<T> = { matched: [], undecided: [], needs: new Set() };
  for (const slot of touched.sort((a, b) => a.order - b.order)) {
    if (slot.verdict === true) matches.matched.push(slot.value);
    else {
      matches.undecided.push(slot.value);
      for (const clause of slot.hanging.flat()) {
        if (clause.lookup === undefined || view.leaves(clause.path) !== "unknown") continue;
        matches.needs.add(clause.lookup);
      }
    }
  }
  return matches;
}
