// Judges a filter against a view, in three values: a verdict that hangs on an attribute which nobody has looked up yet
// is "unknown". Conditions on one array's objects must be met by one and the same element.
import { FilterError } from "./error.ts";
import { passes } from "./matchers.ts";
import type { ArrayPlace, Clause, Conjunction, Filter, FilterVerdict, Leaf, Matcher, View } from "./types.ts";

/** Choices of elements that one judgement tries at most: lists within lists multiply. */
export const MAX_CHOICES = 1_000_000;

/**
 * Judges a filter: true and false are final whatever the unknown attributes turn out to be.
 * @throws {FilterError} where lists in a payload make more combinations than can be tried
 */
export function evaluate(filter: Filter, view: View): FilterVerdict {
  let verdict: FilterVerdict = false;
  for (const branch of filter.branches) {
    const branchVerdict = judge(branch, view);
    if (branchVerdict === true) return true;
    if (branchVerdict === "unknown") verdict = branchVerdict;
  }
  return verdict;
}

/** Judges conditions that must hold together. */
export function judge(clauses: Conjunction, view: View): FilterVerdict {
  let verdict: FilterVerdict = true;
  let inArrays = false;
  for (const clause of clauses) {
    const leaves = view.leaves(clause.path);
    if (leaves === "unknown") verdict = "unknown";
    else {
      const placed = leaves.some(isPlaced);
      inArrays ||= placed;
      // A `not` may hold for the element chosen and fail for the array as a whole.
      const final = !placed || !clause.any.some(isNot);
      if (final && !meets(clause.any, leaves)) return false;
    }
  }
  return inArrays && !meetTogether(clauses, view) ? false : verdict;
}

const isPlaced = (leaf: Leaf) => leaf.place !== undefined;
const isNot = (matcher: Matcher) => matcher.op === "not";

/** Whether a field with these values meets one of the alternatives. */
export function meets(any: readonly Matcher[], leaves: readonly Leaf[]): boolean {
  for (const matcher of any) {
    if (matcher.op === "not") {
      if (!meets(matcher.none, leaves)) return true;
    } else {
      for (const leaf of leaves) if (passes(matcher, leaf.value)) return true;
    }
  }
  return false;
}

/**
 * Whether some choice of one element per array meets all known conditions, taken in the order of their
 * paths as EventBridge takes them. After each condition only choices in arrays that later conditions look
 * into are kept apart, so the work grows with the elements and not with their combinations.
 */
function meetTogether(clauses: Conjunction, view: View): boolean {
  const fields: { clause: Clause; leaves: readonly Leaf[] }[] = [];
  for (const clause of clauses) {
    const leaves = view.leaves(clause.path);
    if (leaves !== "unknown") fields.push({ clause, leaves });
  }
  const lastUse = new Map<readonly unknown[], number>();
  fields.forEach(({ leaves }, i) => {
    for (const leaf of leaves) for (let p = leaf.place; p; p = p.outer) lastUse.set(p.array, i);
  });
  let choices: Choice[] = [new Map()];
  let tried = 0;
  for (const [i, { clause, leaves }] of fields.entries()) {
    tried += choices.length * leaves.length * clause.any.length;
    if (tried > MAX_CHOICES) {
      throw new FilterError(
        clause.at,
        "an event whose lists have fewer elements that may meet the conditions",
      );
    }
    const next = new Map<string, Choice>();
    for (const choice of choices) {
      for (const wider of choicesMeeting(clause.any, leaves, choice)) {
        for (const array of wider.keys()) if ((lastUse.get(array) ?? 0) <= i) wider.delete(array);
        next.set(nameOf(wider, lastUse), wider);
      }
    }
    if (next.size === 0) return false;
    choices = [...next.values()];
  }
  return true;
}

/** The element chosen in each array so far. */
type Choice = Map<readonly unknown[], number>;

function choicesMeeting(any: readonly Matcher[], leaves: readonly Leaf[], choice: Choice): Choice[] {
  const fitting = leaves.filter((leaf) => agrees(leaf.place, choice));
  const choices: Choice[] = [];
  for (const matcher of any) {
    if (matcher.op === "not") {
      if (!meets(matcher.none, fitting)) choices.push(new Map(choice));
      continue;
    }
    for (const leaf of fitting) if (passes(matcher, leaf.value)) choices.push(chosen(choice, leaf.place));
  }
  return choices;
}

function agrees(place: ArrayPlace | undefined, choice: Choice): boolean {
  for (let p = place; p; p = p.outer) if ((choice.get(p.array) ?? p.index) !== p.index) return false;
  return true;
}

function chosen(choice: Choice, place: ArrayPlace | undefined): Choice {
  const wider = new Map(choice);
  for (let p = place; p; p = p.outer) wider.set(p.array, p.index);
  return wider;
}

/** A choice's name, the same for equal choices: arrays in the order in which they were first met. */
function nameOf(choice: Choice, order: ReadonlyMap<readonly unknown[], number>): string {
  let name = "";
  for (const array of order.keys()) name += `${choice.get(array) ?? ""},`;
  return name;
}
