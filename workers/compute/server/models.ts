// Models that models.json defines: read once at start, and what each of them takes of a frame.
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { fail } from "../../../src/shapes/failure.ts";
import { type EmbeddingModel, type Models, modelsSchema } from "../../../src/shapes/model.ts";
import type { Take } from "./decoder/protocol.ts";
import { badModel } from "./inference/bad-model.ts";

/** Models by name, and where their files are. */
export interface ModelCatalogue {
  models: Models;
  /** The folder that model files are named from. */
  root: string;
}

/** The project's models.json: where MODELS says, else beside the server's own sources. */
export async function readModels(path = process.env.MODELS): Promise<ModelCatalogue> {
  const file = path ?? fileURLToPath(new URL("../../../models.json", import.meta.url));
  return { models: modelsSchema.parse(JSON.parse(await readFile(file, "utf8"))), root: dirname(file) };
}

/** A model that the caller knows by another definition. Busy, not failed: an attempt that meets an instance of before or after counts for nothing. */
export const otherDefinition = (name: string) =>
  fail("overloaded", `compute has another definition of ${name} than the pipeline`, {
    next: "Deploy compute with the same models.json; while it is being replaced, this passes.",
    retry_after_seconds: 10,
  });

/** Frames sampled from one span, unless its model says otherwise. */
const SAMPLED_FRAMES = 4;

/** What a model is given of each frame, and how many of a span's. */
export function takeFor(model: EmbeddingModel, kind: "video" | "image"): { take: Take; count: number } {
  if (model.kind === "builtin")
    return { take: { as: "features", builtin: model.builtin }, count: SAMPLED_FRAMES };
  if (model.kind === "http") return pictureTake(model.size);
  const video = kind === "video" ? model.video : undefined;
  const input = video ?? model.image;
  if (!input) throw badModel("it takes no pictures");
  const { fit, resize, resample, size } = input;
  const { width, height } = typeof size === "number" ? { width: size, height: size } : size;
  return {
    take: { as: "pixels", width, height, fit, resize, resample },
    count: video?.frames ?? SAMPLED_FRAMES,
  };
}

/** Pictures to send to a model elsewhere. */
export const pictureTake = (size: number): { take: Take; count: number } => ({
  take: { as: "picture", size },
  count: SAMPLED_FRAMES,
});
