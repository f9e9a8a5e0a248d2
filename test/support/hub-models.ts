// Repositories of tiny models as a hub has them: the files that exporters write, under their names. A picture's vector is
// the colour of its quarters and a word's is the colour that it names, so that a test can say what is found.
import { int, ints, message, model, node, tensor } from "./onnx.ts";
import { sha256, tinyModels, WORDS } from "./tiny-models.ts";
import { MOONSHINE_TOKENS, tinyMoonshine } from "./tiny-moonshine.ts";
import { TOKENS, tinyWhisper } from "./tiny-whisper.ts";

export type RepositoryFiles = Record<string, Uint8Array>;

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const COLOURS: Record<string, [number, number, number]> = {
  red: [1, -1, -1],
  green: [-1, 1, -1],
  blue: [-1, -1, 1],
};
/** Four quarters of each channel. */
export const colourRow = (word: string): number[] =>
  (COLOURS[word] ?? [0, 0, 0]).flatMap((value) => [value, value, value, value]);
const table = () => WORDS.flatMap(colourRow);

export const visionModel = (): Uint8Array =>
  model({
    inputs: [["pixel_values", "float32", ["batch", 3, 8, 8]]],
    outputs: [["image_embeds", "float32", ["batch", 12]]],
    nodes: [
      node(
        "AveragePool",
        ["pixel_values"],
        ["pooled"],
        ints("kernel_shape", [4, 4]),
        ints("strides", [4, 4]),
      ),
      node("Flatten", ["pooled"], ["image_embeds"], int("axis", 1)),
    ],
  });

/** `weights`: the tensor of the table, whole or elsewhere. */
export const textModel = (weights = tensor("table", [WORDS.length, 12], table())): Uint8Array =>
  model({
    inputs: [["input_ids", "int64", ["batch", "sequence"]]],
    outputs: [["text_embeds", "float32", ["batch", 12]]],
    nodes: [
      node("Gather", ["table", "input_ids"], ["rows"]),
      node("ReduceMean", ["rows"], ["text_embeds"], ints("axes", [1]), int("keepdims", 0)),
    ],
    tensors: [weights],
  });

/** The same model of texts with its table in another file. */
export function textModelApart(name: string): { model: Uint8Array; weights: Uint8Array } {
  // Some bytes before: an offset that is not heeded would be seen.
  const weights = new Uint8Array(16 + WORDS.length * 48);
  weights.set(new Uint8Array(Float32Array.from(table()).buffer), 16);
  const entry = (key: string, value: string): [number, Uint8Array] => [13, message([1, key], [2, value])];
  const apart = message(
    [1, WORDS.length],
    [1, 12],
    [2, 1],
    [8, "table"],
    entry("location", name),
    entry("offset", "16"),
    entry("length", String(WORDS.length * 48)),
    [14, 1],
  );
  return { model: textModel(apart), weights };
}

export const TOKENIZER = tinyModels()["tiny-tokenizer.json"] ?? new Uint8Array();

/** As OpenAI's CLIP is laid out by Transformers.js' exporter. */
export const clipRepository = (): RepositoryFiles => ({
  "README.md": new TextEncoder().encode("---\nlicense: mit\n---\n# A tiny CLIP\n"),
  "config.json": json({
    model_type: "clip",
    projection_dim: 12,
    text_config: { model_type: "clip_text_model", max_position_embeddings: 16 },
  }),
  "preprocessor_config.json": json({
    crop_size: 8,
    do_center_crop: true,
    do_normalize: true,
    do_resize: true,
    feature_extractor_type: "CLIPFeatureExtractor",
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
    resample: 3,
    size: 8,
  }),
  "tokenizer.json": TOKENIZER,
  "tokenizer_config.json": json({ model_max_length: 16, pad_token: "[PAD]", do_lower_case: true }),
  "onnx/vision_model.onnx": visionModel(),
  "onnx/text_model.onnx": textModel(),
  "pytorch_model.bin": new TextEncoder().encode("PK\u0003\u0004 archive/data.pkl"),
});

/** A sentence model of the BERT kind, as sentence-transformers lays it out. */
export const sentenceRepository = (): RepositoryFiles => ({
  "config.json": json({ model_type: "bert", hidden_size: 12, max_position_embeddings: 32 }),
  "tokenizer.json": TOKENIZER,
  "tokenizer_config.json": json({ model_max_length: 512, pad_token: "[PAD]", padding_side: "left" }),
  "1_Pooling/config.json": json({ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }),
  "config_sentence_transformers.json": json({ prompts: { query: "a ", document: "" } }),
  "onnx/model.onnx": tinyModels()["tiny-text.onnx"] ?? new Uint8Array(),
});

/** As OpenAI's Whisper is laid out by Transformers.js' exporter. */
export const whisperRepository = (): RepositoryFiles => ({
  ...tinyWhisper(),
  "config.json": json({
    model_type: "whisper",
    d_model: 1,
    num_mel_bins: 80,
    max_length: 448,
    max_target_positions: 448,
    decoder_start_token_id: TOKENS.start,
    eos_token_id: TOKENS.end,
    pad_token_id: TOKENS.end,
    suppress_tokens: [1, 2],
    begin_suppress_tokens: null,
  }),
  "generation_config.json": json({
    begin_suppress_tokens: [3, TOKENS.end],
    decoder_start_token_id: TOKENS.start,
    eos_token_id: TOKENS.end,
    is_multilingual: true,
    lang_to_id: { "<|en|>": TOKENS.languages.en, "<|de|>": TOKENS.languages.de },
    max_initial_timestamp_index: 50,
    max_length: 448,
    no_timestamps_token_id: TOKENS.no_timestamps,
    return_timestamps: false,
    suppress_tokens: [-1, 2],
    task_to_id: { transcribe: TOKENS.transcribe, translate: 99 },
  }),
  "preprocessor_config.json": json({
    chunk_length: 30,
    feature_extractor_type: "WhisperFeatureExtractor",
    feature_size: 80,
    hop_length: 160,
    n_fft: 400,
    n_samples: 480_000,
    nb_max_frames: 3000,
    padding_side: "right",
    padding_value: 0,
    sampling_rate: 16_000,
  }),
  "tokenizer_config.json": json({ model_max_length: 1024, pad_token: "<|endoftext|>" }),
});

/** As UsefulSensors' Moonshine is laid out by Transformers.js' exporter. */
export const moonshineRepository = (): RepositoryFiles => ({
  ...tinyMoonshine(),
  "config.json": json({
    model_type: "moonshine",
    hidden_size: 1,
    max_position_embeddings: 194,
    bos_token_id: 1,
    decoder_start_token_id: MOONSHINE_TOKENS.start,
    eos_token_id: MOONSHINE_TOKENS.end,
    pad_token_id: MOONSHINE_TOKENS.end,
  }),
  "generation_config.json": json({
    bos_token_id: 1,
    decoder_start_token_id: MOONSHINE_TOKENS.start,
    eos_token_id: [MOONSHINE_TOKENS.end],
    max_length: 194,
  }),
  "preprocessor_config.json": json({
    do_normalize: false,
    feature_extractor_type: "Wav2Vec2FeatureExtractor",
    feature_size: 1,
    padding_side: "right",
    padding_value: 0,
    return_attention_mask: true,
    sampling_rate: 16_000,
  }),
  "tokenizer_config.json": json({ model_max_length: 1_000_000, pad_token: null }),
});

export { sha256 };
