// Many filters at once: matching costs about what the matching filters cost, not all of them. Every branch
// is filed under its most selective condition, found from there, and then judged as a whole.
import { Selectivity } from "./access.ts";
import { topOf } from "./attributes.ts";
import { FieldIndex } from "./field-index.ts";
import { RememberedPath } from "./remembering.ts";
import { type FiledBranch, Search, type Slot } from "./search.ts";
import type { Clause, Conjunction, Filter, Lookup, View } from "./types.ts";

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

/** Number of indexed paths up to which each is simply tried. */
const FEW_PATHS = 64;

/** Builds an index over filters. It does not change; build another when a filter does. */
export function buildIndex<T>(entries: Iterable<{ filter: Filter; value: T }>): FilterIndex<T> {
  const find = finder(entries);
  return {
    match(view) {
      const matches: Matches<T> = { matched: [], undecided: [], needs: new Set() };
      for (const slot of find(view)) {
        if (slot.verdict === true) matches.matched.push(slot.value);
        else {
          matches.undecided.push(slot.value);
          addNeeds(matches.needs, slot.hanging, view);
        }
      }
      return matches;
    },
  };
}

function addNeeds(needs: Set<Lookup>, hanging: readonly Conjunction[], view: View) {
  for (const { lookup, path } of hanging.flat()) {
    if (lookup !== undefined && view.leaves(path) === "unknown") needs.add(lookup);
  }
}

/** Files filters; the result finds those that hold or may hold for a view, in the order given. */
export function finder<T>(
  entries: Iterable<{ filter: Filter; value: T }>,
): (view: View) => readonly Slot<T>[] {
  const given = [...entries];
  const rarest = new Selectivity(given.flatMap(({ filter }) => filter.branches));
  const shared = shareConditions();
  const byPath = new Map<string, FieldIndex<FiledBranch<T>>>();
  const always: FiledBranch<T>[] = [];
  for (const [order, { filter, value }] of given.entries()) {
    const slot: Slot<T> = { value, order, run: 0, verdict: false, hanging: [] };
    for (const branch of filter.branches) {
      const entry: FiledBranch<T> = { slot, branch: branch.map(shared), run: 0 };
      const best = rarest.best(entry.branch);
      if (best === undefined) {
        always.push(entry);
        continue;
      }
      const { path } = best.clause;
      const field = byPath.get(path.text) ?? new FieldIndex<FiledBranch<T>>(path);
      field.file(best.accesses, entry);
      byPath.set(path.text, field);
    }
  }
  const fields = [...byPath.values()];
  for (const field of fields) field.finish();
  const byTop = Map.groupBy(fields, (field) => topOf(field.path.text));

  /** The fields in which the view may have something: all of them, unless they are very many. */
  function worthTrying(view: View): readonly FieldIndex<FiledBranch<T>>[] {
    if (view.candidates === undefined || fields.length <= FEW_PATHS) return fields;
    return Array.from(view.candidates(byTop), (name) => byTop.get(name) ?? byPath.get(name) ?? []).flat();
  }

  const search = new Search<T>();
  return (view) => {
    search.begin(view);
    search.judgeAll(always);
    for (const field of worthTrying(view)) search.judgeField(field);
    return search.slots();
  };
}

/**
 * Makes conditions that are written alike share one object, and those on one path share one path object, which
 * remembers the values found there. Filters have much in common, and shared objects are soon in the CPU's cache.
 */
function shareConditions(): (clause: Clause) => Clause {
  const paths = new Map<string, RememberedPath>();
  const clauses = new Map<string, Clause>();
  return (clause) => {
    const { text } = clause.path;
    const name = `${text} ${JSON.stringify(clause.expected)}`;
    const existing = clauses.get(name);
    if (existing !== undefined) return existing;
    const path = paths.get(text) ?? new RememberedPath(clause.path);
    const shared = { ...clause, path };
    paths.set(text, path);
    clauses.set(name, shared);
    return shared;
  };
}
