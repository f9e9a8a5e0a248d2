// A small tokenizer.json of Gemma's kind, which SigLIP 2 has: byte pairs over the whole text, with "▁" for spaces and bytes
// for what has no piece. The pieces of a few texts have the ids that they have in the vocabulary of 256,000; the merges that
// lead to them are this file's own.

/** Pieces with their ids, as tests of public tokenizers publish them. */
const PIECES: readonly (readonly [string, number])[] = [
  ...([
    ["▁", 235248],
    ["▁▁", 139],
    ["▁▁▁", 140],
  ] as const),
  ...([
    ["hello", 17534],
    ["▁world", 2134],
    ["leading", 26650],
    ["trailing", 100504],
    ["▁space", 3641],
  ] as const),
  ...([
    ["生活的", 122182],
    ["真", 235710],
    ["谛", 245467],
    ["是", 235427],
    ["镇", 237796],
  ] as const),
  ...([
    ["weird", 102422],
    ["▁～", 134012],
    ["▁edge", 8541],
    ["▁case", 2270],
  ] as const),
  ...([
    ["grab", 59031],
    ["bed", 2907],
    ["▁grabbed", 41939],
  ] as const),
  ...([
    ["you", 4747],
    ["…", 235417],
  ] as const),
  ...([
    ["🦙", 250645],
    ["😂", 236471],
    ["▁👍", 38104],
    ["▁🤣", 55937],
    ["🎈", 242431],
  ] as const),
];
const MARKS = ["<pad>", "<eos>", "<bos>", "<unk>"];
/** The id of the byte 0. */
const FIRST_BYTE = 217;
/** Parts of pieces have ids beyond the vocabulary, so that none passes for a published one. */
const FIRST_PART = 300_000;

/** Texts with their published ids, without marks. */
export const GEMMA_IDS: readonly (readonly [string, readonly number[]])[] = [
  ["hello world", [17534, 2134]],
  ["   leading space", [140, 26650, 3641]],
  ["trailing space   ", [100504, 3641, 140]],
  ["生活的真谛是", [122182, 235710, 245467, 235427]],
  ["镇", [237796]],
  ["weird ～ edge ～ case", [102422, 134012, 8541, 134012, 2270]],
  ["grabbed", [59031, 2907]],
  [" grabbed", [41939]],
  ["you…  ", [4747, 235417, 139]],
  ["🦙Ꙋ", [250645, 451, 370, 355]],
  ["Ꙋ🦙", [451, 370, 355, 250645]],
];

/** Merges that lead to the pieces, each by what those before it make of its letters. */
function mergesTo(pieces: readonly string[]): [string, string][] {
  const merges: [string, string][] = [];
  for (const piece of pieces) {
    let parts = [...piece];
    for (const [left, right] of merges) {
      const joined: string[] = [];
      for (const part of parts)
        if (part === right && joined.at(-1) === left) joined.splice(-1, 1, left + right);
        else joined.push(part);
      parts = joined;
    }
    for (; parts.length > 1; parts = [parts.slice(0, 2).join(""), ...parts.slice(2)])
      merges.push([parts[0] ?? "", parts[1] ?? ""]);
  }
  return merges;
}

/** The tokenizer, as it is published: it neither lower-cases nor marks an end. */
export function gemmaTokenizer() {
  const merges = mergesTo(PIECES.map(([piece]) => piece));
  const bytes = Array.from({ length: 256 }, (_, byte) => {
    const digits = byte.toString(16).toUpperCase().padStart(2, "0");
    return [`<0x${digits}>`, FIRST_BYTE + byte] as const;
  });
  const parts = new Set([...PIECES.flatMap(([piece]) => [...piece]), ...merges.map((pair) => pair.join(""))]);
  const vocab = {
    ...Object.fromEntries([...parts].map((part, place) => [part, FIRST_PART + place])),
    ...Object.fromEntries([...MARKS.entries()].map(([id, mark]) => [mark, id])),
    ...Object.fromEntries(bytes),
    ...Object.fromEntries(PIECES),
  };
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    ...{ version: "1.0", truncation: null, padding: null, post_processor: null },
    added_tokens: MARKS.map((content, id) => ({ id, content, ...flags })),
    normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
    pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false },
    decoder: { type: "ByteFallback" },
    model: {
      ...{ type: "BPE", dropout: null, unk_token: "<unk>", continuing_subword_prefix: null },
      ...{ end_of_word_suffix: null, fuse_unk: true, byte_fallback: true, ignore_merges: false },
      ...{ vocab, merges },
    },
  };
}
