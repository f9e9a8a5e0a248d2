// A speech model of Moonshine's form, so simple that a test can say what it must write: its encoder passes on how loud the
// samples are, and its decoder writes "hello world", or "loud world" of sound that is loud.
import { int, ints, model, node, tensor } from "./onnx.ts";
import { sha256 } from "./tiny-models.ts";

/** As the published tokenizer has them: three marks, then pieces of text with a mark for the space before. */
const VOCABULARY = ["<unk>", "<s>", "</s>", "▁hello", "▁world", "▁loud"] as const;
type Piece = (typeof VOCABULARY)[number];
const idOf = (piece: Piece) => VOCABULARY.indexOf(piece);
export const MOONSHINE_TOKENS = { start: idOf("<s>"), end: idOf("</s>") };
/** Samples to a frame of the encoder's, as in the published model. */
const STRIDE = 384;

/** `masked`: as newer exports are, with a mask beside the samples. */
const encoder = (masked = false) =>
  model({
    inputs: [
      ["input_values", "float32", ["batch", "samples"]],
      ...(masked ? [["attention_mask", "int64", ["batch", "samples"]] as [string, "int64", string[]]] : []),
    ],
    outputs: [["last_hidden_state", "float32", ["batch", "frames", 1]]],
    nodes: [
      ...(masked
        ? [
            node("Cast", ["attention_mask"], ["kept"], int("to", 1)),
            node("Mul", ["input_values", "kept"], ["heard"]),
          ]
        : [node("Identity", ["input_values"], ["heard"])]),
      node("Abs", ["heard"], ["sizes"]),
      node("Constant", [], ["axes"], ints("value_ints", [1])),
      node("Unsqueeze", ["sizes", "axes"], ["row"]),
      node("AveragePool", ["row"], ["loudness"], ints("kernel_shape", [STRIDE]), ints("strides", [STRIDE])),
      node("Transpose", ["loudness"], ["last_hidden_state"], ints("perm", [0, 2, 1])),
    ],
  });

/** What follows a piece, by how likely it is. */
const FOLLOWING: Partial<Record<Piece, Partial<Record<Piece, number>>>> = {
  "<s>": { "▁hello": 10 },
  "▁hello": { "▁world": 90 },
  "▁loud": { "▁world": 90 },
  "▁world": { "</s>": 90 },
  // Where nothing else is likely, so that a text without an end is seen.
  "<unk>": { "▁loud": 90 },
};
/** How much likelier a piece is for each part of loudness. */
const BY_LOUDNESS: Partial<Record<Piece, Partial<Record<Piece, number>>>> = { "<s>": { "▁loud": 32 } };

const table = (name: string, rows: typeof FOLLOWING) =>
  tensor(
    name,
    [VOCABULARY.length, VOCABULARY.length],
    VOCABULARY.flatMap((piece) => VOCABULARY.map((next) => rows[piece]?.[next] ?? 0)),
  );

const KEPT = ["decoder.key", "decoder.value", "encoder.key", "encoder.value"];

/**
 * What a merged decoder keeps: a one for each token that it was given, and for the sound those of its first step alone.
 * Where it is fed otherwise, nothing it writes has an end.
 */
const kept = () => ({
  inputs: KEPT.map((name): [string, "float32", (string | number)[]] => [
    `past_key_values.0.${name}`,
    "float32",
    ["batch", 1, `past_${name}`, 1],
  ]),
  outputs: KEPT.map((name): [string, "float32", (string | number)[]] => [
    `present.0.${name}`,
    "float32",
    ["batch", 1, `all_${name}`, 1],
  ]),
  nodes: [
    node("Cast", ["input_ids"], ["floats"], int("to", 1)),
    node("Mul", ["floats", "nought"], ["noughts"]),
    node("Add", ["noughts", "one"], ["flat"]),
    node("Constant", [], ["outer"], ints("value_ints", [1, 3])),
    node("Unsqueeze", ["flat", "outer"], ["ones"]),
    ...KEPT.map((name) =>
      node("Concat", [`past_key_values.0.${name}`, "ones"], [`present.0.${name}`], int("axis", 2)),
    ),
    // Of tokens: one and then one more at each step, three before the end of two words.
    node("ReduceSum", ["present.0.decoder.value"], ["seen"], int("keepdims", 0)),
    node("Sub", ["seen", "two_and_a_half"], ["over"]),
    node("Mul", ["over", "two_hundred"], ["ending"]),
    // Of the sound: nothing at the first step, and that of the first step at all others.
    node("ReduceSum", ["past_key_values.0.encoder.key"], ["of_sound"], int("keepdims", 0)),
    node("Cast", ["use_cache_branch"], ["cached"], int("to", 1)),
    node("Sub", ["of_sound", "cached"], ["off"]),
    node("Abs", ["off"], ["wrong"]),
    node("Mul", ["wrong", "thousand"], ["never"]),
    node("Sub", ["ending", "never"], ["weight"]),
    node("Mul", ["weight", "only_end"], ["bias"]),
    node("Add", ["likely", "bias"], ["logits"]),
  ],
  tensors: [
    tensor("nought", [1], [0]),
    tensor("one", [1], [1]),
    tensor("two_and_a_half", [1], [2.5]),
    tensor("two_hundred", [1], [200]),
    tensor("thousand", [1], [1000]),
    tensor(
      "only_end",
      [1, 1, VOCABULARY.length],
      VOCABULARY.map((piece) => (piece === "</s>" ? 1 : 0)),
    ),
  ],
});

function decoder({ merged = false, masked = false, talks = false } = {}) {
  const keeps = merged ? kept() : undefined;
  return model({
    inputs: [
      ...(masked
        ? [["encoder_attention_mask", "int64", ["batch", "frames"]] as [string, "int64", string[]]]
        : []),
      ["input_ids", "int64", ["batch", "sequence"]],
      ["encoder_hidden_states", "float32", ["batch", "frames", 1]],
      ...(keeps?.inputs ?? []),
      ...(merged ? [["use_cache_branch", "bool", [1]] as [string, "bool", number[]]] : []),
    ],
    outputs: [["logits", "float32", ["batch", "steps", VOCABULARY.length]], ...(keeps?.outputs ?? [])],
    nodes: [
      node("Constant", [], ["end"], ints("value_ints", [-1])),
      node("Gather", ["input_ids", "end"], ["last"], int("axis", 1)),
      node("Gather", ["following", "last"], ["words"]),
      node("Gather", ["by_loudness", "last"], ["louder"]),
      ...(masked
        ? [
            node("Cast", ["encoder_attention_mask"], ["mask"], int("to", 1)),
            node("Constant", [], ["behind"], ints("value_ints", [2])),
            node("Unsqueeze", ["mask", "behind"], ["frames_kept"]),
            node("Mul", ["encoder_hidden_states", "frames_kept"], ["states"]),
          ]
        : [node("Identity", ["encoder_hidden_states"], ["states"])]),
      node("ReduceMax", ["states"], ["loudest"], ints("axes", [1]), int("keepdims", 1)),
      node("Mul", ["louder", "loudest"], ["more"]),
      node("Add", ["words", "more"], ["likely"]),
      ...(keeps?.nodes ?? [node("Identity", ["likely"], ["logits"])]),
    ],
    tensors: [
      table("following", talks ? { ...FOLLOWING, "▁world": { "▁hello": 90 } } : FOLLOWING),
      table("by_loudness", BY_LOUDNESS),
      ...(keeps?.tensors ?? []),
    ],
  });
}

const tokenizer = () => ({
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: ["<unk>", "<s>", "</s>"].map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: {
    type: "Sequence",
    normalizers: [
      { type: "Prepend", prepend: "▁" },
      { type: "Replace", pattern: { String: " " }, content: "▁" },
    ],
  },
  pre_tokenizer: null,
  post_processor: null,
  decoder: {
    type: "Sequence",
    decoders: [
      { type: "Replace", pattern: { String: "▁" }, content: " " },
      { type: "ByteFallback" },
      { type: "Fuse" },
      { type: "Strip", content: " ", start: 1, stop: 0 },
    ],
  },
  model: {
    type: "BPE",
    dropout: null,
    unk_token: "<unk>",
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: true,
    byte_fallback: true,
    vocab: Object.fromEntries(VOCABULARY.map((piece, id) => [piece, id])),
    merges: [],
  },
});

/** Files by their names in the model's repository. */
export const tinyMoonshine = () => ({
  "onnx/encoder_model.onnx": encoder(),
  "onnx/encoder_model_masked.onnx": encoder(true),
  "onnx/decoder_model.onnx": decoder(),
  "onnx/decoder_model_merged.onnx": decoder({ merged: true }),
  "onnx/decoder_model_masked.onnx": decoder({ merged: true, masked: true }),
  "onnx/decoder_model_talks.onnx": decoder({ talks: true }),
  "tokenizer.json": new TextEncoder().encode(JSON.stringify(tokenizer())),
});
type MoonshineFile = keyof ReturnType<typeof tinyMoonshine>;

/** An entry of models.json whose files are below `models/` under their last names. */
export function moonshineEntry(
  files: Record<string, Uint8Array>,
  decoderName: MoonshineFile = "onnx/decoder_model_merged.onnx",
  encoderName: MoonshineFile = "onnx/encoder_model.onnx",
) {
  const entryOf = (name: MoonshineFile) => ({
    file: `models/${name.split("/").at(-1)}`,
    sha256: sha256(files[name] ?? new Uint8Array()),
  });
  return {
    kind: "onnx",
    task: "transcribe",
    architecture: "moonshine",
    encoder: entryOf(encoderName),
    decoder: entryOf(decoderName),
    tokenizer: entryOf("tokenizer.json"),
    tokens: MOONSHINE_TOKENS,
  };
}
