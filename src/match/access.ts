// Keys of the filter index: under which key each matcher is filed, so that an event's value finds it, and which
// condition of a branch is likely to be met least often.

import type { Range } from "./range.ts";
import { reversed } from "./text.ts";
import type { Clause, Conjunction, Matcher, Scalar } from "./types.ts";

/** Key under which a matcher is filed. A value that passes the matcher leads to it; its branch is judged then. */
export type Access =
  | { by: "equals"; value: Scalar }
  | { by: "folded" | "prefix" | "suffix" | "foldedPrefix" | "foldedSuffix" | "block"; text: string }
  | { by: "number" | "instant"; range: Range }
  | { by: "present" };

/** Every key that a matcher must be filed under; undefined if even an absent field may meet it. */
function accessesOf(matcher: Matcher): Access[] | undefined {
  switch (matcher.op) {
    case "equals":
      return [{ by: "equals", value: matcher.value }];
    case "folded":
      return [{ by: "folded", text: matcher.text }];
    case "prefix":
      return [{ by: matcher.fold ? "foldedPrefix" : "prefix", text: matcher.text }];
    case "suffix":
      return [{ by: matcher.fold ? "foldedSuffix" : "suffix", text: reversed(matcher.text) }];
    case "wildcard":
      if (matcher.parts.length === 1) return [{ by: "equals", value: matcher.parts[0] ?? "" }];
      return [longerEnd(matcher.parts[0] ?? "", matcher.parts.at(-1) ?? "")];
    case "glob":
      return matcher.globs.map((glob) => longerEnd(glob.prefix, glob.suffix));
    case "range":
      return [{ by: "number", range: matcher.range }];
    case "window":
      return [{ by: "instant", range: matcher.range }];
    case "cidr":
      return [{ by: "block", text: matcher.bits }];
    case "present":
    case "anything-but":
      return [{ by: "present" }];
    case "not":
      return undefined;
  }
}

function longerEnd(prefix: string, suffix: string): Access {
  if (prefix === "" && suffix === "") return { by: "present" };
  return prefix.length >= suffix.length
    ? { by: "prefix", text: prefix }
    : { by: "suffix", text: reversed(suffix) };
}

/** Every key that a condition must be filed under, or undefined if one of its alternatives has none. */
function accessesOfClause(clause: Clause): Access[] | undefined {
  const all: Access[] = [];
  for (const matcher of clause.any) {
    const accesses = accessesOf(matcher);
    if (accesses === undefined) return undefined;
    all.push(...accesses);
  }
  return all;
}

/** Counts how often each place would be used, were every condition filed; then says which is the rarest. */
export class Selectivity {
  readonly #uses = new Map<string, number>();

  constructor(branches: Iterable<Conjunction>) {
    for (const branch of branches) {
      for (const clause of branch) {
        this.#count(clause.path.text);
        for (const access of accessesOfClause(clause) ?? []) this.#count(placeName(clause, access));
      }
    }
  }

  /** The condition to file a branch under, with where; undefined if it must be judged every time. */
  best(branch: Conjunction): { clause: Clause; accesses: Access[] } | undefined {
    let best: { clause: Clause; accesses: Access[] } | undefined;
    let least = Infinity;
    for (const clause of branch) {
      const accesses = accessesOfClause(clause);
      if (accesses === undefined) continue;
      const cost = this.#cost(clause, accesses);
      if (cost < least) [best, least] = [{ clause, accesses }, cost];
    }
    return best;
  }

  #count(name: string) {
    this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
  }

  /** Roughly how many branches an event would have to be judged by, if all like this were filed so. */
  #cost(clause: Clause, accesses: readonly Access[]): number {
    const onPath = this.#uses.get(clause.path.text) ?? 0;
    // An attribute that events seldom carry is unknown at first, and then all filed under it come up.
    let cost = clause.lookup === undefined ? 0 : onPath;
    for (const access of accesses) {
      const sharing = this.#uses.get(placeName(clause, access)) ?? 0;
      if (access.by === "equals" || access.by === "folded") cost += sharing;
      else if ("text" in access) cost += sharing + onPath / 2 ** Math.min(access.text.length, 12);
      else cost += onPath / (access.by === "present" ? 1 : 4);
    }
    return cost;
  }
}

function placeName(clause: Clause, access: Access): string {
  const what =
    "text" in access ? access.text : access.by === "equals" ? `${typeof access.value} ${access.value}` : "";
  return `${clause.path.text}\n${access.by}\n${what}`;
}
