// The tiny models of the test project, each so simple that a test can say what it must give: means of parts of a
// picture, rows of a table. `node test/support/tiny-models.ts` writes them to test/project/models and prints
// their hashes; a test holds the files to this.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { int, ints, model, node, tensor } from "./onnx.ts";

/** What every text's word is worth: row n of the table, for token n. */
export const WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "blue", "green", "a", "picture", "##s"];
export const tableRow = (token: number) =>
  Array.from({ length: 12 }, (_, i) => ((token * 7 + i * 5) % 11) - 5);

const quarters = (input: string) => [
  node("AveragePool", [input], ["pooled"], ints("kernel_shape", [4, 4]), ints("strides", [4, 4])),
  node("Flatten", ["pooled"], ["embedding"], int("axis", 1)),
];

/** Mean colour of each quarter of a picture of 8×8, as three planes of four. */
const image = () =>
  model({
    inputs: [["pixels", "float32", ["n", 3, 8, 8]]],
    outputs: [["embedding", "float32", ["n", 12]]],
    nodes: quarters("pixels"),
  });

/** The same of bytes, pixel by pixel, blue first. */
const bytes = () =>
  model({
    inputs: [["pixels", "uint8", ["n", 8, 8, 3]]],
    outputs: [["embedding", "float32", ["n", 12]]],
    nodes: [
      node("Cast", ["pixels"], ["floats"], int("to", 1)),
      node("Transpose", ["floats"], ["planes"], ints("perm", [0, 3, 1, 2])),
      ...quarters("planes"),
    ],
  });

/** Mean colour of each of four frames, in their order; one span at a time. */
const video = () =>
  model({
    inputs: [["frames", "float32", [1, 4, 3, 8, 8]]],
    outputs: [["embedding", "float32", [1, 12]]],
    nodes: [
      node("ReduceMean", ["frames"], ["means"], ints("axes", [3, 4]), int("keepdims", 0)),
      node("Flatten", ["means"], ["embedding"], int("axis", 1)),
    ],
  });

/** A row of the table for each token. */
const text = () =>
  model({
    inputs: [
      ["input_ids", "int64", ["n", "tokens"]],
      ["attention_mask", "int64", ["n", "tokens"]],
    ],
    outputs: [["hidden", "float32", ["n", "tokens", 12]]],
    nodes: [node("Gather", ["table", "input_ids"], ["hidden"])],
    tensors: [
      tensor(
        "table",
        [WORDS.length, 12],
        WORDS.flatMap((_, token) => tableRow(token)),
      ),
    ],
  });

const tokenizer = () => {
  const special = (content: string) => ({
    id: WORDS.indexOf(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  const mark = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const a = { Sequence: { id: "A", type_id: 0 } };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: WORDS.slice(0, 4).map(special),
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
      single: [mark("[CLS]"), a, mark("[SEP]")],
      pair: [],
      special_tokens: Object.fromEntries(
        ["[CLS]", "[SEP]"].map((id) => [id, { id, ids: [WORDS.indexOf(id)], tokens: [id] }]),
      ),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])),
    },
  };
};

/** Every file of test/project/models, by name. */
export const tinyModels = (): Record<string, Uint8Array> => ({
  "tiny-image.onnx": image(),
  "tiny-bytes.onnx": bytes(),
  "tiny-video.onnx": video(),
  "tiny-text.onnx": text(),
  "tiny-tokenizer.json": new TextEncoder().encode(`${JSON.stringify(tokenizer(), null, 2)}\n`),
});

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

if (import.meta.main) {
  const folder = new URL("../project/models/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(tinyModels())) {
    writeFileSync(new URL(name, folder), bytes);
    console.log(sha256(bytes), name);
  }
}
