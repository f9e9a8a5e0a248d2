// A view of raw JSON: the values at a dotted name, wherever the dots fall in the event's own names.
// Used for plain patterns, and for `payload` in Weir's.
import type { ArrayPlace, Leaf, Leaves, Path, Scalar, ValueSource, View } from "./types.ts";

/** Depth beyond which nested lists are not looked into: nobody means them, and the stack is finite. */
const MAX_LIST_DEPTH = 100;
const NONE: readonly Leaf[] = [];

/** Every scalar at the path. Arrays are flattened; a scalar right inside an array has only the outer place. */
export const leavesIn = (root: unknown, path: Path): readonly Leaf[] =>
  descend(root, path, 0, undefined, undefined) ?? NONE;

/** A view of raw JSON, in which nothing is unknown. */
export class JsonView implements View {
  readonly #root: unknown;

  constructor(root: unknown) {
    this.#root = root;
  }

  leaves(path: Path): Leaves {
    return leavesIn(this.#root, path);
  }

  source(path: Path): ValueSource {
    return this.leaves(path).length > 0 ? "event" : "absent";
  }
}

/** The leaves so far and those below this node; the list is created with its first leaf. */
function descend(
  top: unknown,
  path: Path,
  start: number,
  place: ArrayPlace | undefined,
  leaves: Leaf[] | undefined,
): Leaf[] | undefined {
  let node = top;
  let all = leaves;
  for (let from = start; ; ) {
    if (typeof node !== "object" || node === null) {
      if (from < path.names.length) return all;
      const leaf = { value: node as Scalar, place };
      if (all === undefined) return [leaf];
      all.push(leaf);
      return all;
    }
    if (Array.isArray(node)) {
      if (node.length !== 1) return descendArray(node, path, from, place, all);
      // Where there is one element there is no choice, and so no need to remember it.
      node = node[0];
      continue;
    }
    const names = path.names[from];
    if (names === undefined) return all;
    for (let i = 1; i < names.length; i++) {
      const dotted = own(node, names[i] ?? "");
      if (dotted !== undefined) all = descend(dotted, path, from + i + 1, place, all);
    }
    node = own(node, names[0] ?? "");
    if (node === undefined) return all;
    from++;
  }
}

function descendArray(
  array: readonly unknown[],
  path: Path,
  from: number,
  place: ArrayPlace | undefined,
  leaves: Leaf[] | undefined,
): Leaf[] | undefined {
  const depth = (place?.depth ?? 0) + 1;
  if (depth > MAX_LIST_DEPTH) return leaves;
  let all = leaves;
  for (let index = 0; index < array.length; index++) {
    const element = array[index];
    const inside = typeof element === "object" && element !== null;
    all = descend(element, path, from, inside ? { array, index, outer: place, depth } : place, all);
  }
  return all;
}

/** The own value of parsed JSON under a name; all that an object inherits are functions and `__proto__`. */
function own(node: object, name: string): unknown {
  const value = (node as Readonly<Record<string, unknown>>)[name];
  if (typeof value === "function") return undefined;
  return name !== "__proto__" || Object.hasOwn(node, name) ? value : undefined;
}
