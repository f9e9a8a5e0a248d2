// Attributes that Weir's filters can name, of an event and its object, and how a written name becomes a path. Free of
// operators and of judging.
import { checkName } from "./bounds.ts";
import { FilterError } from "./error.ts";
import type { Lookup, Path } from "./types.ts";

/** Attributes that hold one value, and the look-up that settles each when the event does not carry it. */
const SCALARS = new Map<string, { number?: true; lookup?: Lookup }>([
  ["connection", {}],
  ["type", {}],
  ["operation", {}],
  ["sender", {}],
  ["bucket", {}],
  ["key", {}],
  ["name", {}],
  ["extension", {}],
  ["size", { number: true, lookup: "head" }],
  ["etag", { lookup: "head" }],
  ["version_id", {}],
  ["time", {}],
  ["region", {}],
  ["content_type", { lookup: "head" }],
]);
/** Attributes that hold names of their own. */
const TABLES = ["metadata", "tags"];

/** Every name that means an attribute rather than metadata. */
export const ATTRIBUTES: readonly string[] = [...SCALARS.keys(), ...TABLES, "payload"];

export const isScalarAttribute = (name: string) => SCALARS.has(name);
export const isNumberAttribute = (name: string) => SCALARS.get(name)?.number === true;

/** The path of a dotted name. @throws {FilterError} at `at`, where the name is beyond the bounds */
export function pathOf(text: string, at: string = text): Path {
  checkName(text, at);
  const starts = [0];
  const ends: number[] = [];
  for (let dot = text.indexOf("."); dot >= 0; dot = text.indexOf(".", dot + 1)) {
    ends.push(dot);
    starts.push(dot + 1);
  }
  ends.push(text.length);
  return { text, names: starts.map((start, from) => ends.slice(from).map((end) => text.slice(start, end))) };
}

/** The attribute that a path belongs to: `metadata` of `metadata.camera`. */
export function topOf(text: string): string {
  const dot = text.indexOf(".");
  return dot < 0 ? text : text.slice(0, dot);
}

export function lookupOf(path: Path): Lookup | undefined {
  const top = topOf(path.text);
  if (top === "metadata") return "head";
  return top === "tags" ? "tags" : SCALARS.get(top)?.lookup;
}

/**
 * The path that a written name stands for: an attribute's own, else `metadata.<name>`. Names of metadata
 * are compared in lower case, as HTTP carries them.
 */
export function filterPath(written: string, at: string): Path {
  const top = topOf(written);
  if (SCALARS.has(top)) {
    if (written !== top) throw new FilterError(at, `${top} alone: it holds one value and no names`, top);
    return pathOf(top);
  }
  if (TABLES.includes(top) && written === top) {
    throw new FilterError(at, `a name in it, such as {"${top}": {"color": "red"}}`);
  }
  if (top === "metadata") return pathOf(written.toLowerCase(), at);
  if (top === "tags" || top === "payload") return pathOf(written, at);
  return pathOf(`metadata.${written.toLowerCase()}`, at);
}

/** The last part of a key. */
export const nameOf = (key: string) => key.slice(key.lastIndexOf("/") + 1);

/** Lower case and without its dot; a name such as `.profile` or `README` has none. */
export function extensionOf(name: string): string | undefined {
  const dot = name.lastIndexOf(".");
  return dot > 0 && dot < name.length - 1 ? name.slice(dot + 1).toLowerCase() : undefined;
}
