// A view of raw JSON: the values at a dotted name, wherever the dots fall in the event's own names.
// Used for plain patterns, and for `payload` in Weir's.
import type { Leaf, Leaves, Path, Place, Scalar, View } from "./types.ts";

/** Every scalar at the path. Arrays are flattened; a scalar right inside an array has only the outer place. */
export function leavesIn(root: unknown, path: Path): Leaf[] {
  const found: Leaf[] = [];
  descend(root, path.segments, 0, undefined, found);
  return found;
}

/** A view of raw JSON, in which nothing is unknown. */
export function jsonView(root: unknown): View {
  const seen = new Map<string, Leaves>();
  return {
    leaves(path) {
      let leaves = seen.get(path.text);
      if (leaves === undefined) {
        leaves = leavesIn(root, path);
        seen.set(path.text, leaves);
      }
      return leaves;
    },
    source: (path) => (leavesIn(root, path).length > 0 ? "event" : "absent"),
  };
}

function descend(
  node: unknown,
  segments: readonly string[],
  from: number,
  place: Place | undefined,
  found: Leaf[],
): void {
  if (typeof node !== "object" || node === null) {
    if (from === segments.length) found.push({ value: node as Scalar, place });
    return;
  }
  if (Array.isArray(node)) {
    // Where there is one element there is no choice, and so no need to remember it.
    const several = node.length > 1;
    for (let index = 0; index < node.length; index++) {
      const element: unknown = node[index];
      const inside = several && typeof element === "object" && element !== null;
      descend(element, segments, from, inside ? { array: node, index, outer: place } : place, found);
    }
    return;
  }
  let name = "";
  for (let to = from; to < segments.length; to++) {
    name = to === from ? (segments[to] ?? "") : `${name}.${segments[to]}`;
    if (Object.hasOwn(node, name)) {
      descend((node as Record<string, unknown>)[name], segments, to + 1, place, found);
    }
  }
}
