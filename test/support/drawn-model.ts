// A small model of pictures and words, trained here in seconds on drawn moments (drawn-films.ts): random features of a
// picture, and what they say of its colour and its thing by least squares. A caption is the sum of its words. Twice: one
// that takes pictures one by one, and one that takes the frames of a span together and answers their mean.
import { Buffer } from "node:buffer";
import { COLOURS, drawMoment, HEIGHT, NAMES, poseOf, seeded, WIDTH } from "./drawn-films.ts";
import { int, ints, model, node, tensor } from "./onnx.ts";
import { tinyModels } from "./tiny-models.ts";

const [ACROSS, DOWN] = [32, 24];
const INPUTS = 3 * ACROSS * DOWN;
const FEATURES = 600;
const EXAMPLES = 2_880;
const RIDGE = 1;
/** Frames of a span that the second model takes. */
export const FRAMES = 4;

/** What a vector says: each colour and each thing. */
const WORDS = [...Object.keys(COLOURS), ...NAMES];
export const DIMENSIONS = WORDS.length;
const TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "the", "word", "in", ...WORDS];

/** Planes of a picture as the model takes it: means of 4 × 4 pixels, 0 to 1. */
function planesOf(rgb: Uint8Array): Float64Array {
  const planes = new Float64Array(INPUTS);
  const [width, height] = [WIDTH / ACROSS, HEIGHT / DOWN];
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++)
      for (let channel = 0; channel < 3; channel++) {
        const at = channel * ACROSS * DOWN + Math.floor(y / height) * ACROSS + Math.floor(x / width);
        planes[at] = (planes[at] ?? 0) + (rgb[(y * WIDTH + x) * 3 + channel] ?? 0) / (255 * width * height);
      }
  return planes;
}

/** Solves `matrix` · x = `right` for every column, by Gauss; the matrix is of a ridge, and so never singular. */
function solved(matrix: Float64Array[], right: Float64Array[]): Float64Array[] {
  const size = matrix.length;
  const rows = matrix.map((row, n) => Float64Array.from([...row, ...(right[n] ?? [])]));
  for (let pivot = 0; pivot < size; pivot++) {
    const own = rows[pivot] as Float64Array;
    for (let other = pivot + 1; other < size; other++) {
      const row = rows[other] as Float64Array;
      const factor = (row[pivot] ?? 0) / (own[pivot] ?? 1);
      for (let i = pivot; i < own.length; i++) row[i] = (row[i] ?? 0) - factor * (own[i] ?? 0);
    }
  }
  const found = rows.map(() => new Float64Array(DIMENSIONS));
  for (let n = size - 1; n >= 0; n--) {
    const row = rows[n] as Float64Array;
    for (let column = 0; column < DIMENSIONS; column++) {
      let sum = row[size + column] ?? 0;
      for (let later = n + 1; later < size; later++) sum -= (row[later] ?? 0) * (found[later]?.[column] ?? 0);
      (found[n] as Float64Array)[column] = sum / (row[n] ?? 1);
    }
  }
  return found;
}

/** Weights of the two layers, row by row, and what is added to the first. */
function trained(random: () => number) {
  const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  const first = Float64Array.from({ length: INPUTS * FEATURES }, () => (normal() * 3) / Math.sqrt(INPUTS));
  const bias = new Float64Array(FEATURES);
  for (let i = 0; i < INPUTS; i++)
    for (let f = 0; f < FEATURES; f++) bias[f] = (bias[f] ?? 0) - 0.4 * (first[i * FEATURES + f] ?? 0);
  // The last feature is always one.
  bias[FEATURES - 1] = 1;
  for (let i = 0; i < INPUTS; i++) first[i * FEATURES + FEATURES - 1] = 0;
  const gram = Array.from({ length: FEATURES }, (_, n) => {
    const row = new Float64Array(FEATURES);
    row[n] = RIDGE;
    return row;
  });
  const moment = Array.from({ length: FEATURES }, () => new Float64Array(DIMENSIONS));
  const colours = Object.keys(COLOURS);
  for (let example = 0; example < EXAMPLES; example++) {
    const [colour, thing] = [example % colours.length, Math.floor(example / colours.length) % NAMES.length];
    const drawn = drawMoment({ colour: colours[colour] ?? "", thing: NAMES[thing] ?? "" }, poseOf(random));
    const planes = planesOf(drawn);
    const features = bias.slice();
    for (let i = 0; i < INPUTS; i++) {
      const value = planes[i] ?? 0;
      const at = i * FEATURES;
      for (let f = 0; f < FEATURES; f++) features[f] = (features[f] ?? 0) + value * (first[at + f] ?? 0);
    }
    for (let f = 0; f < FEATURES; f++) {
      const value = Math.max(0, features[f] ?? 0);
      features[f] = value;
      const says = moment[f] as Float64Array;
      for (const word of [colour, colours.length + thing]) says[word] = (says[word] ?? 0) + value;
    }
    for (let f = 0; f < FEATURES; f++) {
      const row = gram[f] as Float64Array;
      const value = features[f] ?? 0;
      if (value > 0) for (let g = 0; g < FEATURES; g++) row[g] = (row[g] ?? 0) + value * (features[g] ?? 0);
    }
  }
  return { first, bias, second: solved(gram, moment) };
}

/** Files of the models, by name. */
export function drawnModels(seed = 1): Record<string, Uint8Array> {
  const { first, bias, second } = trained(seeded(seed));
  const tensors = [
    tensor("first", [INPUTS, FEATURES], [...first]),
    tensor("bias", [FEATURES], [...bias]),
    tensor(
      "second",
      [FEATURES, DIMENSIONS],
      second.flatMap((row) => [...row]),
    ),
  ];
  const tower = (rows: string, into: string) => [
    node("MatMul", [rows, "first"], ["weighed"]),
    node("Add", ["weighed", "bias"], ["biased"]),
    node("Relu", ["biased"], ["features"]),
    node("MatMul", ["features", "second"], [into]),
  ];
  const tokenizer = JSON.parse(Buffer.from(tinyModels()["tiny-tokenizer.json"] ?? []).toString());
  tokenizer.model.vocab = Object.fromEntries(TOKENS.map((word, id) => [word, id]));
  const table = TOKENS.flatMap((token) => WORDS.map((word) => (word === token ? 1 : 0)));
  return {
    "picture.onnx": model({
      inputs: [["pixels", "float32", ["n", 3, DOWN, ACROSS]]],
      outputs: [["embedding", "float32", ["n", DIMENSIONS]]],
      nodes: [node("Flatten", ["pixels"], ["rows"], int("axis", 1)), ...tower("rows", "embedding")],
      tensors,
    }),
    "span.onnx": model({
      inputs: [["frames", "float32", [1, FRAMES, 3, DOWN, ACROSS]]],
      outputs: [["embedding", "float32", [1, DIMENSIONS]]],
      nodes: [
        node("Flatten", ["frames"], ["rows"], int("axis", 2)),
        ...tower("rows", "each"),
        node("ReduceMean", ["each"], ["embedding"], ints("axes", [0]), int("keepdims", 1)),
      ],
      tensors,
    }),
    "text.onnx": model({
      inputs: [
        ["input_ids", "int64", ["n", "tokens"]],
        ["attention_mask", "int64", ["n", "tokens"]],
      ],
      outputs: [["hidden", "float32", ["n", "tokens", DIMENSIONS]]],
      nodes: [node("Gather", ["table", "input_ids"], ["hidden"])],
      tensors: [tensor("table", [TOKENS.length, DIMENSIONS], table)],
    }),
    "tokenizer.json": Buffer.from(JSON.stringify(tokenizer)),
  };
}

/** Width and height of a picture as the models take it. */
export const SIZE = { width: ACROSS, height: DOWN };
