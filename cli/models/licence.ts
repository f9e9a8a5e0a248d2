// What a licence of a model allows, as far as its name says: free to use, not to be used, or a person's to judge.

export type Judgement = "free" | "ask" | "forbidden";

const FREE = new Set([
  ...["mit", "apache-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "zlib", "unlicense", "0bsd"],
  ...[
    "cc0-1.0",
    "cc-by-2.0",
    "cc-by-2.5",
    "cc-by-3.0",
    "cc-by-4.0",
    "cdla-permissive-2.0",
    "mpl-2.0",
    "wtfpl",
  ],
]);
/** Names of licences that allow research or private use alone. */
const RESTRICTED = [
  /(^|-)nc(-|$)/,
  /non-?commercial/,
  /research/,
  /^apple-amlr$/,
  /^intel-research$/,
  /^deepfloyd-if-license$/,
  /^mrl$/,
];

/** Judges a licence by its name on the hub; undefined: the hub names none. */
export function judge(licence: string | undefined): Judgement {
  const name = licence?.trim().toLowerCase();
  if (name === undefined) return "ask";
  if (FREE.has(name)) return "free";
  return RESTRICTED.some((pattern) => pattern.test(name)) ? "forbidden" : "ask";
}
