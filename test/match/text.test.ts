// Wildcards and globs: right against a reference, and never more than linear in the key.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileGlob, matchesGlob } from "../../src/match/glob.ts";
import { matchesWildcard, wildcardParts } from "../../src/match/wildcard.ts";

const LONG = 100_000;
const keys = fc.string({ unit: fc.constantFrom("a", "b", "/", "."), maxLength: 8 });

/** The same glob as a regular expression: fine for short keys, and how not to do it for long ones. */
function reference(glob: string): RegExp {
  const parts = glob.match(/\*\*\/|\*\*|\*|\?|\[[^\]]*\]|./g) ?? [];
  let source = "";
  for (const [i, part] of parts.entries()) {
    const atStart = i === 0 || parts[i - 1]?.endsWith("/");
    if (part === "**/" && atStart) source += "(?:.*\\/)?";
    else if (part === "**/") source += ".*\\/";
    else if (part === "**") source += ".*";
    else if (part === "*") source += "[^/]*";
    else if (part === "?") source += "[^/]";
    else source += part.startsWith("[") ? part : part.replace(/[./]/, "\\$&");
  }
  return new RegExp(`^${source}$`, "su");
}

describe("wildcards", () => {
  test("match what the same regular expression matches", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "b", "/", "ab", "*"), { maxLength: 6 }),
        keys,
        (pieces, key) => {
          const wildcard = pieces.join("").replace(/\*+/g, "*");
          const regex = new RegExp(`^${wildcard.replaceAll("*", ".*")}$`, "s");
          expect(matchesWildcard(wildcardParts(wildcard, ""), key)).toBe(regex.test(key));
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("search each part once, however the key tempts them to go back", () => {
    for (const wildcard of ["*a*a*a*a*b", "*aa*aa*aa*aab*", `*${"a*".repeat(30)}b`]) {
      const parts = wildcardParts(wildcard, "");
      let steps = 0;
      expect(matchesWildcard(parts, "a".repeat(LONG), () => steps++)).toBe(false);
      expect(steps).toBeLessThanOrEqual(parts.length);
    }
  });
});

describe("globs", () => {
  const piece = fc.constantFrom("a", "b", "/", ".", "*", "**", "**/", "?", "[ab]", "[^a/]", "/**/");
  test("match what the same regular expression matches", () => {
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), keys, (pieces, key) => {
        const glob = pieces.join("").replace(/\*{3,}/g, "**");
        const [compiled] = compileGlob(glob, "");
        expect(compiled && matchesGlob(compiled, key)).toBe(reference(glob).test(key));
      }),
      { numRuns: 5000 },
    );
  });

  test("take at most one step per character and token", () => {
    for (const glob of ["*a*a*a*a*b", "**a**a**a**a**b", "**/*a/**/*a/**/b?", "{a,*}*[a-z]*?*a*b"]) {
      for (const key of ["a".repeat(LONG), "a/".repeat(LONG / 2), `${"a".repeat(LONG)}b`]) {
        for (const compiled of compileGlob(glob, "")) {
          let steps = 0;
          matchesGlob(compiled, key, () => steps++);
          expect(steps).toBeLessThanOrEqual((compiled.tokens.length + 1) * key.length);
        }
      }
    }
  });
});
