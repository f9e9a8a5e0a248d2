// The inference process: every onnx model's one session, warm, for all decoders together. It reads the files that
// models.json names, and of the world only pixels, texts and sound. While a batch runs, what comes in meanwhile waits and
// goes together next.
import process from "node:process";
import { type Failure, FailureError } from "../../../../src/shapes/failure.ts";
import {
  isOnnx,
  isOnnxSpeech,
  type Modality,
  type Models,
  type OnnxModel,
} from "../../../../src/shapes/model.ts";
import { badModel } from "./bad-model.ts";
import { write } from "./hearing.ts";
import { reasonOf, Sessions } from "./load.ts";
import { type ModelInput, type ModelOutput, rowsAtOnce, vectorsOf } from "./run.ts";
import type { HeardSound, WrittenSound } from "./sound.ts";

/** Messages to the process: first its models, then a question for each vector. */
export type ToInference =
  | { type: "begin"; models: Models; root: string; threads: number }
  | ({ type: "ask"; id: number; model: string; modality: Modality; anySize?: boolean } & ModelInput)
  | ({ type: "hear"; id: number; model: string } & HeardSound);
export type FromInference = { id: number } & (ModelOutput | WrittenSound | { failure: Failure });

type Question = Extract<ToInference, { type: "ask" }>;
type SoundQuestion = Extract<ToInference, { type: "hear" }>;

let models: Models = {};
let root = ".";
let sessions = new Sessions(root, 1);
let waiting: (Question | SoundQuestion)[] = [];
let running = false;

process.on("message", (message: ToInference) => {
  if (message.type === "begin") {
    models = message.models;
    root = message.root;
    sessions = new Sessions(root, message.threads);
    return;
  }
  waiting.push(message);
  if (!running) void work();
});
process.on("disconnect", () => process.exit(0));

const say = (message: FromInference) => process.send?.(message);

/** Runs what waits, batch by batch: the longest waiting, and all that is like it as far as it fits. */
async function work(): Promise<void> {
  running = true;
  for (let first = waiting[0]; first; first = waiting[0]) {
    if (first.type === "hear") {
      waiting.shift();
      await runSound(first);
      continue;
    }
    const { model, modality } = first;
    const alike = waiting.filter(
      (ask) => ask.type === "ask" && ask.model === model && ask.modality === modality,
    ) as Question[];
    const batch = alike.slice(0, batchSize(model, modality));
    waiting = waiting.filter((ask) => ask.type === "hear" || !batch.includes(ask));
    // Between batches the event loop turns, so that what was sent meanwhile is here for the next one.
    await new Promise((resolve) => setImmediate(resolve));
    await runBatch(batch);
  }
  running = false;
}

async function runBatch(batch: Question[]): Promise<void> {
  const [first] = batch;
  if (!first) return;
  const { model, modality, anySize } = first;
  try {
    const definition = onnx(model);
    const sized = anySize ? { ...definition, dimensions: undefined } : definition;
    const outputs = await vectorsOf(sessions, root, sized, modality, batch);
    for (const [index, { id }] of batch.entries())
      say({ id, ...(outputs[index] ?? { vector: new Float32Array() }) });
  } catch (error) {
    const failure = failureOf(error);
    // The others of the batch may not share the failure: each is run alone.
    if (batch.length === 1) say({ id: first.id, failure });
    else for (const ask of batch) await runBatch([ask]);
  }
}

async function runSound({ id, model: name, ...sound }: SoundQuestion): Promise<void> {
  try {
    const model = models[name];
    if (!isOnnxSpeech(model)) throw badModel(`${name} takes no sound`);
    say({ id, ...(await write(sessions, root, model, sound)) });
  } catch (error) {
    say({ id, failure: failureOf(error) });
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  console.error(error);
  return badModel(reasonOf(error)).failure;
}

function batchSize(name: string, modality: Modality): number {
  const model = models[name];
  if (!isOnnx(model)) return 1;
  const input = (modality === "video" ? (model.video ?? model.image) : model[modality]) ?? model.image;
  return input ? rowsAtOnce(input) : 1;
}

function onnx(name: string): OnnxModel {
  const model = models[name];
  if (!isOnnx(model)) throw badModel(`${name} is no onnx model that embeds`);
  return model;
}
