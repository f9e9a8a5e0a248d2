// Types that the parts of the filter language share: compiled filters, and the views that they judge. Free of parsing
// and of judging.
import type { Range } from "./range.ts";

export type Scalar = string | number | boolean | null;
export type FilterVerdict = true | false | "unknown";
/** The look-up at the object that would settle an attribute: its headers, or its tags. */
export type Lookup = "head" | "tags";
/** Origin of a value: the event, a look-up at the object, nowhere (absent), or not known yet. */
export type ValueSource = "event" | "object" | "absent" | "unknown";

/** The array element that a value sits in, innermost first. Arrays are distinguished by identity. */
export interface ArrayPlace {
  array: readonly unknown[];
  index: number;
  outer: ArrayPlace | undefined;
  /** Number of arrays around the value, this one included. */
  depth: number;
}

/** One scalar of an event. Only leaves exist: `{}`, `[]` and objects are absent, `null` is present. */
export interface Leaf {
  value: Scalar;
  place: ArrayPlace | undefined;
}
export type Leaves = readonly Leaf[] | "unknown";

export interface Path {
  /** Dotted name, which is also what conditions are sorted by. */
  text: string;
  /** From each segment on, the names that an object there may have: of `a.b`, `a` or `a.b`, then `b`. */
  names: readonly (readonly string[])[];
}

/** An event as filters see it. */
export interface View {
  leaves(path: Path): Leaves;
  source(path: Path): ValueSource;
  /** Paths worth trying where an index holds very many; every other is absent. Without this method, each is tried. */
  candidates?(known: ReadonlyMap<string, unknown>): Iterable<string>;
}

/** One alternative of a condition. All but `not` are tried on one value; `not` is tried on the whole field. */
export type Matcher =
  | { op: "equals"; value: Scalar }
  | { op: "folded"; text: string }
  | { op: "prefix" | "suffix"; text: string; fold: boolean }
  | { op: "wildcard"; parts: readonly string[] }
  | { op: "glob"; globs: readonly Glob[] }
  | { op: "range"; range: Range; readsText: boolean }
  | { op: "window"; range: Range; daily: { from: number; to: number } | undefined }
  | { op: "cidr"; bits: string }
  | { op: "present" }
  | { op: "anything-but"; none: readonly Matcher[] }
  | { op: "not"; none: readonly Matcher[] };

/** A glob without braces: its tokens, and the literal text that any match begins and ends with. */
export interface Glob {
  tokens: readonly GlobToken[];
  prefix: string;
  suffix: string;
  /** Steps for one character at most: one for each token, and one for each span of a class. */
  steps: number;
}
export type GlobToken =
  | { kind: "char"; code: number }
  | { kind: "one" }
  | { kind: "class"; negated: boolean; spans: readonly (readonly [number, number])[] }
  | { kind: "star" }
  | { kind: "anything" }
  | { kind: "folders" };

/** A condition: the field at `path` meets one of `any`. */
export interface Clause {
  path: Path;
  any: readonly Matcher[];
  /** Place in the filter: `$or[0].metadata.camera`. */
  at: string;
  /** The condition as written, for people. */
  expected: unknown;
  lookup: Lookup | undefined;
}

/** Conditions that must hold together, sorted by path. */
export type Conjunction = readonly Clause[];

/** A compiled filter: it holds if one of its branches does. `$or` makes more than one. */
export interface Filter {
  readonly branches: readonly Conjunction[];
}

/** A doubt about a filter that is valid. */
export interface Warning {
  /** Where in the filter. */
  path: string;
  message: string;
  /** What was probably meant, to put in its place. */
  suggestion?: string;
}
