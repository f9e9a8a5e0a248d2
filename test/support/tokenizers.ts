// Small tokenizer.json files of the kinds that models have, in the form that their publishers write: CLIP's byte pairs and
// BERT's word pieces. Their vocabularies are a few words and every single byte or letter.

const special = (id: number, content: string) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});
const numbered = (words: readonly string[]) => Object.fromEntries(words.map((word, id) => [word, id]));

/** A letter for each byte, as byte-level models have them: printable ones are themselves. */
function letters(): string[] {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let further = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : further++));
}

const MERGES = ["d o", "do g</w>", "p h", "o t", "ph ot", "phot o</w>", "o f</w>", "Ð ¾"];
export const CLIP_WORDS = [
  ...letters(),
  ...letters().map((letter) => `${letter}</w>`),
  ...MERGES.map((merge) => merge.replace(" ", "")),
  "<|startoftext|>",
  "<|endoftext|>",
];

export function clipTokenizer() {
  const [start, end] = [CLIP_WORDS.length - 2, CLIP_WORDS.length - 1];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [special(start, "<|startoftext|>"), special(end, "<|endoftext|>")],
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFC" },
        { type: "Replace", pattern: { Regex: "\\s+" }, content: " " },
        { type: "Lowercase" },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        {
          type: "Split",
          pattern: { Regex: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" },
          behavior: "Removed",
          invert: true,
        },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
      ],
    },
    post_processor: {
      type: "RobertaProcessing",
      sep: ["<|endoftext|>", end],
      cls: ["<|startoftext|>", start],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: "<|endoftext|>",
      continuing_subword_prefix: "",
      end_of_word_suffix: "</w>",
      fuse_unk: false,
      vocab: numbered(CLIP_WORDS),
      merges: MERGES,
    },
  };
}

const ALPHABET = [..."abcdefghijklmnopqrstuvwxyz0123456789абвгдежзиклмнопрстухцчшщьыя"];
export const BERT_WORDS = [
  ...["[PAD]", "[UNK]", "[CLS]", "[SEP]"],
  ...["dog", "photo", "of", "cafe", "собака", "犬", "の", "浜", "🐕"],
  ...[..."!'-.,"],
  ...ALPHABET,
  ...ALPHABET.map((letter) => `##${letter}`),
];

export function bertTokenizer() {
  const mark = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const ends = ["[CLS]", "[SEP]"];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: BERT_WORDS.slice(0, 4).map((word, id) => special(id, word)),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [mark("[CLS]"), { Sequence: { id: "A", type_id: 0 } }, mark("[SEP]")],
      pair: [],
      special_tokens: Object.fromEntries(
        ends.map((id) => [id, { id, ids: [BERT_WORDS.indexOf(id)], tokens: [id] }]),
      ),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: numbered(BERT_WORDS),
    },
  };
}
