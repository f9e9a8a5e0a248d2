// Tells whether a filter names events of a certain kind, rather than taking them among all others. An event that
// changes no bytes runs a handler again only where a filter names it.
import { judge } from "./evaluate.ts";
import { passes } from "./matchers.ts";
import type { Clause, Filter, Matcher, View } from "./types.ts";

/** Senders' names for a new object: a condition that takes one of these names no other kind of event. */
const CREATIONS: Record<string, readonly string[]> = {
  type: ["created"],
  operation: [
    "ObjectCreated:Put",
    "Object Created",
    "PutObject",
    "OBJECT_FINALIZE",
    "OBJECT_CREATED_PUT",
    "b2:ObjectCreated:Upload",
  ],
};

/** Whether the alternative is a name, or a beginning or pattern of one, that takes no creation. */
function isName(matcher: Matcher, creations: readonly string[]): boolean {
  if (["not", "anything-but", "present"].includes(matcher.op)) return false;
  return !creations.some((word) => passes(matcher, word));
}

function namesOf({ path, any }: Clause): readonly Matcher[] {
  const creations = CREATIONS[path.text];
  return creations ? any.filter((matcher) => isName(matcher, creations)) : [];
}

/** Whether some branch that holds, or may, has a condition on type or operation that means this very event. */
export function namesEvent(filter: Filter, view: View): boolean {
  return filter.branches.some(
    (branch) => branch.some((clause) => isMeant(clause, view)) && judge(branch, view) !== false,
  );
}

function isMeant(clause: Clause, view: View): boolean {
  const names = namesOf(clause);
  const leaves = names.length > 0 ? view.leaves(clause.path) : [];
  if (leaves === "unknown") return false;
  return leaves.some(({ value }) => names.some((matcher) => passes(matcher, value)));
}

/** Whether the filter can name any event but a creation; {@link namesEvent} is false of all others. */
export const canNameEvents = ({ branches }: Filter): boolean =>
  branches.some((branch) => branch.some((clause) => namesOf(clause).length > 0));

/** The accesses that a run makes by itself, as MinIO calls them. */
const ACCESSES = ["ObjectAccessed:Head", "ObjectAccessed:Get"];

/** Whether a condition takes by name what a run of its own pipeline causes. */
export function takesAccesses(clause: Clause): boolean {
  const words = clause.path.text === "type" ? ["accessed"] : ACCESSES;
  return namesOf(clause).some((matcher) => words.some((word) => passes(matcher, word)));
}
