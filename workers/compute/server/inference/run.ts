// One batch through one model: from pixels or texts to vectors. Which of them run together is child.ts's.
// Inference process only.
import type { InferenceSession, Tensor } from "onnxruntime-node";
import type { ImageInput, Modality, OnnxModel, TextInput, VideoInput } from "../../../../src/shapes/model.ts";
import { finished, pooled } from "../../../../src/shapes/vector.ts";
import { badModel } from "./bad-model.ts";
import { reasonOf, type Sessions } from "./load.ts";
import { rowsOf, type Wanted } from "./outputs.ts";
import { exactly, pixelTensor, sizeOf } from "./tensors.ts";
import { tokenizerOf, tokensOf, tokenTensors } from "./tokens.ts";

/** What one vector is asked of: a span's or picture's frames (RGB, as the model's size says), or a text. */
export type Input = { frames: Uint8Array[] } | { text: string };

/** Numbers that go into a model at once: what bounds the memory that a batch takes. */
const MOST_NUMBERS = 8_000_000;
const MOST_TOKENS = 16_384;
const MOST_ROWS = 32;

/** How many rows of a model's input run together. */
export function rowsAtOnce(input: ImageInput | VideoInput | TextInput): number {
  if ("tokenizer" in input) return clamp(MOST_TOKENS / input.max_length);
  const { width, height } = sizeOf(input);
  return clamp(MOST_NUMBERS / (width * height * 3 * ("frames" in input ? input.frames : 1)));
}
const clamp = (rows: number) => Math.max(1, Math.min(MOST_ROWS, Math.floor(rows)));

/** A vector for each input, all of one modality. */
export async function vectorsOf(
  sessions: Sessions,
  root: string,
  model: OnnxModel,
  modality: Modality,
  inputs: readonly Input[],
): Promise<Float32Array[]> {
  const finish = (vector: Float32Array) => finished(vector, model.normalise);
  if (modality === "text") {
    const texts = inputs.flatMap((input) => ("text" in input ? [input.text] : []));
    return (await ofTexts(sessions, root, model, texts)).map(finish);
  }
  const spans = inputs.flatMap((input) => ("frames" in input ? [input.frames] : []));
  if (modality === "video" && model.video) {
    const { video } = model;
    const rows = spans.map((frames) => exactly(frames, video.frames));
    return (await ofPixels(sessions, model, video, rows)).map(finish);
  }
  if (!model.image) throw badModel("it takes no pictures");
  const frames = spans.flat().map((frame) => [frame]);
  const each = await ofPixels(sessions, model, model.image, frames);
  return spans.map(({ length }) => finish(pooled(each.splice(0, length), model.frames)));
}

async function ofPixels(
  sessions: Sessions,
  model: OnnxModel,
  input: ImageInput | VideoInput,
  rows: Uint8Array[][],
): Promise<Float32Array[]> {
  const session = await sessions.of(input);
  const name = only(input, session.inputNames, input.input, "input");
  return inParts(session, name, rows, rowsAtOnce(input), async (part) => {
    const wanted = { rows: part.length, dimensions: model.dimensions, pooling: input.pooling };
    return outputOf(session, input, { [name]: pixelTensor(part, input) }, wanted);
  });
}

async function ofTexts(
  sessions: Sessions,
  root: string,
  model: OnnxModel,
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
    const wanted = { rows: part.length, dimensions: model.dimensions, pooling: input.pooling, masks };
    return outputOf(session, input, tokenTensors(tokens, input, session.inputNames), wanted);
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
  const told = session.inputMetadata.find((one) => one.name === name);
  const fixed = told?.isTensor && typeof told.shape[0] === "number" ? told.shape[0] : undefined;
  const vectors: Float32Array[] = [];
  for (let at = 0; at < rows.length; at += fixed ?? most) {
    const part = rows.slice(at, at + (fixed ?? most));
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
  wanted: Wanted,
): Promise<Float32Array[]> {
  const { file } = input;
  const name = only(input, session.outputNames, input.output, "output");
  const results = await session.run(feeds, [name]).catch((error: unknown) => {
    throw badModel(`${file} does not take what models.json says it does: ${reasonOf(error)}`);
  });
  return rowsOf(file, results[name] as Tensor, wanted);
}

/** The name that was declared, or the only one there is. */
function only(
  { file }: { file: string },
  names: readonly string[],
  declared: string | undefined,
  what: string,
): string {
  const [first] = names;
  const name = declared ?? (names.length === 1 ? first : undefined);
  if (name !== undefined && names.includes(name)) return name;
  const said = declared === undefined ? `has more than one ${what}` : `has no ${what} ${declared}`;
  throw badModel(`${file} ${said}: it has ${names.join(", ")}`, `Name it in models.json as "${what}".`);
}
