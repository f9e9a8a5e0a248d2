// The end of a refusal of an unknown name: the name that was probably meant, or a list of the names that exist.
import { nearest } from "../../src/shapes/nearest.ts";

/** `Did you mean "x"?`, or else `Expected one of a, b, c.` */
export function suggestion(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  if (near) return `Did you mean "${near}"?`;
  return candidates.length === 0 ? "There are none yet." : `Expected one of ${candidates.join(", ")}.`;
}
