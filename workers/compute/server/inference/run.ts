// One batch through one model: from pixels or texts to vectors. Which of them run together is child.ts's.
// Inference process only.
import type { InferenceSession, Tensor } from "onnxruntime-node";
import type { ImageInput, Modality, OnnxModel, TextInput, VideoInput } from "../../../../src/shapes/model.ts";
import { finished, pooled, quantisedRows } from "../../../../src/shapes/vector.ts";
import { badModel } from "./bad-model.ts";
import { reasonOf, type Sessions } from "./load.ts";
import { rowsOf, type TensorShape } from "./outputs.ts";
import { exactFrames, pixelTensor, sizeOf } from "./tensors.ts";
import { tokenizerOf, tokensOf, tokenTensors } from "./tokens.ts";

/** Input of one vector: a span's or picture's frames (RGB, as the model's size says), or a text. */
export type ModelInput = { frames: Uint8Array[] } | { text: string };

/** A model whose vectors have the size that is declared, or any where it is being tried. */
export type RunnableModel = Omit<OnnxModel, "dimensions"> & { dimensions: number | undefined };

/** A model's answer to one input. */
export interface ModelOutput {
  vector: Float32Array;
  /** Vectors of a span's frames as int8, row after row, where the model takes them one by one. */
  frames?: Int8Array;
}

/** Numbers that go into a model at once: what bounds the memory that a batch takes. */
const MAX_NUMBERS = 8_000_000;
const MAX_TOKENS = 16_384;
const MAX_ROWS = 32;

/** How many rows of a model's input run together. */
export function rowsAtOnce(input: ImageInput | VideoInput | TextInput): number {
  if ("tokenizer" in input) return clamp(MAX_TOKENS / input.max_length);
  const { width, height } = sizeOf(input);
  return clamp(MAX_NUMBERS / (width * height * 3 * ("frames" in input ? input.frames : 1)));
}
const clamp = (rows: number) => Math.max(1, Math.min(MAX_ROWS, Math.floor(rows)));

/** What the model answers to each input, all of one modality. */
export async function vectorsOf(
  sessions: Sessions,
  root: string,
  model: RunnableModel,
  modality: Modality,
  inputs: readonly ModelInput[],
): Promise<ModelOutput[]> {
  const finish = (vector: Float32Array) => ({ vector: finished(vector, model.normalise) });
  if (modality === "text") {
    const texts = inputs.flatMap((input) => ("text" in input ? [input.text] : []));
    return (await vectorsOfTexts(sessions, root, model, texts)).map(finish);
  }
  const spans = inputs.flatMap((input) => ("frames" in input ? [input.frames] : []));
  if (modality === "video" && model.video) {
    const { video } = model;
    const rows = spans.map((frames) => exactFrames(frames, video.frames));
    return (await vectorsOfPixels(sessions, model, video, rows)).map(finish);
  }
  if (!model.image) throw badModel("it takes no pictures");
  const frames = spans.flat().map((frame) => [frame]);
  const each = await vectorsOfPixels(sessions, model, model.image, frames);
  return spans.map(({ length }) => {
    const own = each.splice(0, length);
    const whole = finish(pooled(own, model.frames));
    return modality === "video" ? { ...whole, frames: quantisedRows(own) } : whole;
  });
}

async function vectorsOfPixels(
  sessions: Sessions,
  model: RunnableModel,
  input: ImageInput | VideoInput,
  rows: Uint8Array[][],
): Promise<Float32Array[]> {
  const session = await sessions.of(input);
  const name = onlyName(input, session.inputNames, input.input, "input");
  return inParts(session, name, rows, rowsAtOnce(input), async (part) => {
    const shape = { rows: part.length, dimensions: model.dimensions, pooling: input.pooling };
    return outputOf(session, input, { [name]: pixelTensor(part, input) }, shape);
  });
}

async function vectorsOfTexts(
  sessions: Sessions,
  root: string,
  model: RunnableModel,
  texts: string[],
): Promise<Float32Array[]> {
  const { text: input } = model;
  if (!input) throw badModel("it takes no text");
  const tokenizer = await tokenizerOf(root, input);
  const session = await sessions.of(input);
  const [first = ""] = session.inputNames;
  return inParts(session, first, texts, rowsAtOnce(input), async (part) => {
    const tokens = tokensOf(tokenizer, part, input);
    const masks = tokens.map(({ mask }) => mask);
    const shape = { rows: part.length, dimensions: model.dimensions, pooling: input.pooling, masks };
    return outputOf(session, input, tokenTensors(tokens, input, session.inputNames), shape);
  });
}

/** Rows by as many as may run together. A model exported for a fixed number of them gets that many. */
async function inParts<T>(
  session: InferenceSession,
  name: string,
  rows: readonly T[],
  most: number,
  run: (part: T[]) => Promise<Float32Array[]>,
): Promise<Float32Array[]> {
  const metadata = session.inputMetadata.find((candidate) => candidate.name === name);
  const fixed = metadata?.isTensor && typeof metadata.shape[0] === "number" ? metadata.shape[0] : undefined;
  const vectors: Float32Array[] = [];
  for (let start = 0; start < rows.length; start += fixed ?? most) {
    const part = rows.slice(start, start + (fixed ?? most));
    const filled = Array.from(
      { length: fixed ?? part.length },
      (_, i) => part[Math.min(i, part.length - 1)] as T,
    );
    vectors.push(...(await run(filled)).slice(0, part.length));
  }
  return vectors;
}

async function outputOf(
  session: InferenceSession,
  input: { file: string; output?: string | undefined },
  feeds: Record<string, Tensor>,
  shape: TensorShape,
): Promise<Float32Array[]> {
  const { file } = input;
  const name = onlyName(input, session.outputNames, input.output, "output");
  const results = await session.run(feeds, [name]).catch((error: unknown) => {
    throw badModel(`${file} does not take what models.json says it does: ${reasonOf(error)}`);
  });
  return rowsOf(file, results[name] as Tensor, shape);
}

/** The name that was declared, or the only one there is. */
function onlyName(
  { file }: { file: string },
  names: readonly string[],
  declared: string | undefined,
  what: string,
): string {
  const [first] = names;
  const name = declared ?? (names.length === 1 ? first : undefined);
  if (name !== undefined && names.includes(name)) return name;
  const problem = declared === undefined ? `has more than one ${what}` : `has no ${what} ${declared}`;
  throw badModel(`${file} ${problem}: it has ${names.join(", ")}`, `Name it in models.json as "${what}".`);
}
