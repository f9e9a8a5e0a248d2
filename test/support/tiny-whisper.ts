// A speech model of Whisper's form, so simple that a test can say what it must write: its encoder passes on how loud it is
// every 0.02 s, and its decoder writes "hello world" from where it gets loud to where it gets quiet, again and again.
import { int, ints, model, node, tensor } from "./onnx.ts";
import { sha256 } from "./tiny-models.ts";

const WORDS = ["Ġhello", "Ġworld", "Ġha", "ĠGrÃ¼ÃŁe"] as const;
const MARKS = [
  "<|endoftext|>",
  "<|startoftranscript|>",
  "<|en|>",
  "<|de|>",
  "<|transcribe|>",
  "<|notimestamps|>",
] as const;
const VOCABULARY = [...WORDS, ...MARKS];
const idOf = (token: (typeof VOCABULARY)[number]) => VOCABULARY.indexOf(token);
export const TOKENS = {
  start: idOf("<|startoftranscript|>"),
  end: idOf("<|endoftext|>"),
  transcribe: idOf("<|transcribe|>"),
  no_timestamps: idOf("<|notimestamps|>"),
  languages: { en: idOf("<|en|>"), de: idOf("<|de|>") },
};
const TIMES = 1500;
const ZERO = VOCABULARY.length;

const encoder = (mels: number) =>
  model({
    inputs: [["input_features", "float32", ["batch", mels, 3000]]],
    outputs: [["last_hidden_state", "float32", ["batch", TIMES, 1]]],
    nodes: [
      node("ReduceMean", ["input_features"], ["loudness"], ints("axes", [1]), int("keepdims", 1)),
      node("AveragePool", ["loudness"], ["steps"], ints("kernel_shape", [2]), ints("strides", [2])),
      node("Transpose", ["steps"], ["last_hidden_state"], ints("perm", [0, 2, 1])),
    ],
  });

type Word = (typeof VOCABULARY)[number];
/** What follows a token: words by how likely they are, a rise of loudness, or a fall. */
interface Following {
  words?: Partial<Record<Word, number>>;
  rise?: number;
  fall?: number;
}

const following = (loops: boolean): Partial<Record<Word, Following>> => ({
  "<|startoftranscript|>": { words: { "<|de|>": 9, "<|en|>": 5, Ġhello: 20 } },
  "<|transcribe|>": { words: { Ġhello: 90 }, rise: 40 },
  Ġhello: { words: { [loops ? "Ġhello" : "Ġworld"]: 90 } },
  Ġworld: { fall: 40 },
});
/** What follows a time: a word where one is due, else the next rise, else the end. */
const AFTER_TIME: Following = { words: { Ġhello: 20, "<|endoftext|>": 12 }, rise: 40 };

/** Inputs and nodes of a decoder that keeps what it has seen, and ends once it has seen seven tokens. */
const past = () => ({
  inputs: [
    ["past_key_values.0.decoder.key", "float32", ["batch", 1, "past", 1]],
    ["past_key_values.0.encoder.key", "float32", ["batch", 1, "encoder_past", 1]],
    ["use_cache_branch", "bool", [1]],
    ["cache_position", "int64", ["positions"]],
  ] as const,
  outputs: [
    ["present.0.decoder.key", "float32", ["batch", 1, "all", 1]],
    ["present.0.encoder.key", "float32", ["batch", 1, "encoder_all", 1]],
  ] as const,
  nodes: [
    node("Cast", ["input_ids"], ["floats"], int("to", 1)),
    node("Mul", ["floats", "nought"], ["noughts"]),
    node("Add", ["noughts", "one"], ["flat"]),
    node("Constant", [], ["axes"], ints("value_ints", [1, 3])),
    node("Unsqueeze", ["flat", "axes"], ["ones"]),
    node("Concat", ["past_key_values.0.decoder.key", "ones"], ["present.0.decoder.key"], int("axis", 2)),
    node("Concat", ["past_key_values.0.encoder.key", "ones"], ["present.0.encoder.key"], int("axis", 2)),
    node("ReduceSum", ["present.0.decoder.key"], ["seen"], int("keepdims", 0)),
    node("ReduceSum", ["past_key_values.0.encoder.key"], ["kept"], int("keepdims", 0)),
    node("Sub", ["seen", "six"], ["over"]),
    node("Mul", ["over", "hundred"], ["ending"]),
    // What follows from the sound is kept of the first step alone: three tokens at most.
    node("Sub", ["kept", "three"], ["grown"]),
    node("Relu", ["grown"], ["wrong"]),
    node("Mul", ["wrong", "thousand"], ["never"]),
    node("Sub", ["ending", "never"], ["weight"]),
    node("Mul", ["weight", "only_end"], ["bias"]),
    node("Add", ["words", "bias"], ["text"]),
  ],
  tensors: [
    tensor("nought", [1], [0]),
    tensor("one", [1], [1]),
    tensor("three", [1], [3]),
    tensor("six", [1], [6]),
    tensor("hundred", [1], [100]),
    tensor("thousand", [1], [1000]),
    tensor(
      "only_end",
      [1, 1, ZERO],
      VOCABULARY.map((word) => (word === "<|endoftext|>" ? 1 : 0)),
    ),
  ],
});

function decoder({ loops = false, keeps = false }: { loops?: boolean; keeps?: boolean } = {}) {
  const table = following(loops);
  const rows = Array.from({ length: ZERO + TIMES }, (_, token): Following => {
    const word = VOCABULARY[token];
    return word === undefined ? AFTER_TIME : (table[word] ?? {});
  });
  const kept = keeps ? past() : undefined;
  return model({
    inputs: [
      ["input_ids", "int64", ["batch", "sequence"]],
      ["encoder_hidden_states", "float32", ["batch", TIMES, 1]],
      ...(kept?.inputs.map(([name, type, shape]): [string, typeof type, (string | number)[]] => [
        name,
        type,
        [...shape],
      ]) ?? []),
    ],
    outputs: [
      ["logits", "float32", ["batch", "steps", ZERO + TIMES]],
      ...(kept?.outputs.map(([name, type, shape]): [string, typeof type, (string | number)[]] => [
        name,
        type,
        [...shape],
      ]) ?? []),
    ],
    nodes: [
      node("Constant", [], ["end"], ints("value_ints", [-1])),
      node("Gather", ["input_ids", "end"], ["last"], int("axis", 1)),
      node("Gather", ["words_after", "last"], ["words"]),
      node("Gather", ["rise_after", "last"], ["rise"]),
      node("Gather", ["fall_after", "last"], ["fall"]),
      node("Transpose", ["encoder_hidden_states"], ["steps"], ints("perm", [0, 2, 1])),
      node("Conv", ["steps", "edge"], ["rises"], ints("pads", [5, 4]), ints("kernel_shape", [10])),
      node("Mul", ["rises", "sooner"], ["sooner_rises"]),
      node("Sub", ["rise", "fall"], ["sign"]),
      node("Mul", ["sooner_rises", "sign"], ["times"]),
      ...(kept?.nodes ?? [node("Identity", ["words"], ["text"])]),
      node("Concat", ["text", "times"], ["logits"], int("axis", 2)),
    ],
    tensors: [
      tensor(
        "words_after",
        [rows.length, ZERO],
        rows.flatMap(({ words }) => VOCABULARY.map((word) => words?.[word] ?? 0)),
      ),
      tensor(
        "rise_after",
        [rows.length, 1],
        rows.map(({ rise = 0 }) => rise),
      ),
      tensor(
        "fall_after",
        [rows.length, 1],
        rows.map(({ fall = 0 }) => fall),
      ),
      tensor("edge", [1, 1, 10], [...Array(5).fill(-0.2), ...Array(5).fill(0.2)]),
      tensor(
        "sooner",
        [1, 1, TIMES],
        Array.from({ length: TIMES }, (_, step) => 1 - step / 1600),
      ),
      ...(kept?.tensors ?? []),
    ],
  });
}

const tokenizer = () => ({
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: MARKS.map((content) => ({
    id: idOf(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null,
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    type: "BPE",
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: "",
    end_of_word_suffix: "",
    fuse_unk: false,
    vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])),
    merges: [],
  },
});

/** Files by their names in the model's repository. */
export const tinyWhisper = (mels = 80) => ({
  "onnx/encoder_model.onnx": encoder(mels),
  "onnx/decoder_model.onnx": decoder(),
  "onnx/decoder_model_merged.onnx": decoder({ keeps: true }),
  "onnx/decoder_model_loops.onnx": decoder({ loops: true }),
  "tokenizer.json": new TextEncoder().encode(JSON.stringify(tokenizer())),
});
export type WhisperFile = keyof ReturnType<typeof tinyWhisper>;

/** An entry of models.json whose files are below `models/` under their last names. */
export function whisperEntry(
  files: Record<string, Uint8Array>,
  decoderName: WhisperFile = "onnx/decoder_model.onnx",
) {
  const kept = (name: WhisperFile) => ({
    file: `models/${name.split("/").at(-1)}`,
    sha256: sha256(files[name] ?? new Uint8Array()),
  });
  return {
    kind: "onnx",
    task: "transcribe",
    encoder: kept("onnx/encoder_model.onnx"),
    decoder: kept(decoderName),
    tokenizer: kept("tokenizer.json"),
    tokens: TOKENS,
  };
}
