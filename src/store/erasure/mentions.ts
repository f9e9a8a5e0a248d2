// Finds names of objects in texts that people, senders and handlers wrote: in JSON, in URLs, in sentences. A key counts
// only where it stands by itself, so that a longer one, of another object, is left alone. Pure.

import type { ErasureScope } from "../../shapes/erasure.ts";
import { keyDigitsOfId, keyHex } from "../../shapes/event-id.ts";

/** What of a text names objects of a scope. */
export interface Mentions {
  isIn(text: string): boolean;
  /** Whether a text names a run or an event of one of the objects, by the digits that these ids have of a key. */
  hasRunIn(text: string): boolean;
  /** The text with every name replaced. */
  redact(text: string): string;
}

/** Characters that are part of a key where they stand beside one. */
const BEFORE = "(?<![\\p{L}\\p{N}_/%+-]|[\\p{L}\\p{N}_/%+-]\\.)";
const AFTER = "(?![\\p{L}\\p{N}_/%+-]|\\.[\\p{L}\\p{N}])";
const REST = "[^\\s\"'\\\\,;()]*";
const IDS = /(?:evt|run)_[0-9a-f]{32}/g;

/** Opens a scope; `keys` are the objects that were found of it, and `mark` is what stands in a name's place. */
export function mentionsOf(scope: ErasureScope, keys: readonly string[], mark: string): Mentions {
  const whole = (key: string) => `${before(scope.bucket)}${oneOf(formsOf(key))}${AFTER}`;
  const begun =
    scope.prefix === undefined
      ? undefined
      : new RegExp(`${before(scope.bucket)}${oneOf(formsOf(scope.prefix))}${REST}`, "gu");
  const exact = new RegExp(scope.key === undefined ? "(?!)" : whole(scope.key), "gu");
  const known = keys.map((key) => ({ key, forms: formsOf(key) }));
  const digits = new Set(keys.map((key) => keyHex(key).slice(0, DIGITS)));
  const isIn = (text: string) =>
    text.search(exact) !== -1 || (begun !== undefined && text.search(begun) !== -1);
  return {
    isIn,
    hasRunIn: (text) =>
      [...text.matchAll(IDS)].some(([id]) => digits.has(keyDigitsOfId(id.replace(/^run/, "evt")))),
    redact(text) {
      if (!isIn(text)) return text;
      // Whole keys first: they may have spaces, at which what begins with the prefix would end.
      const named = known
        .filter(({ forms }) => forms.some((form) => text.includes(form)))
        .reduce((rest, { key }) => rest.replace(new RegExp(whole(key), "gu"), mark), text);
      return begun ? named.replace(begun, mark) : named.replace(exact, mark);
    },
  };
}

const DIGITS = 10;

/** What may stand before a key: the end of another word, or a path that ends with its bucket. */
const before = (bucket: string) =>
  `(?:${BEFORE}|(?<![\\p{L}\\p{N}_.-])${escaped(bucket)}(?:\\.[\\w.:-]+)?(?:\\/objects|\\/o)?(?:\\/|%2[Ff]))`;

/** A key as it stands in plain text, in JSON, in JSON within JSON, and in URLs. */
function formsOf(key: string): string[] {
  const json = JSON.stringify(key).slice(1, -1);
  const url = encodeURIComponent(key.toWellFormed());
  const path = url.replaceAll("%2F", "/");
  return [
    ...new Set([key, json, JSON.stringify(json).slice(1, -1), url, path]),
    ...new Set([url, path].filter((form) => form.includes("%20")).map((form) => form.replaceAll("%20", "+"))),
  ];
}

const oneOf = (forms: string[]) =>
  `(?:${forms
    .toSorted((a, b) => b.length - a.length)
    .map(escaped)
    .join("|")})`;

const escaped = (text: string) => text.replace(/[$()*+.?[\\\]^{|}/]/g, "\\$&");
