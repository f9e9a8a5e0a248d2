// A model run once on a grey picture, a few words or a hum, by what runs it in compute: whether its files and its entry
// belong together, and how many numbers it gives.
import { FailureError } from "../../src/shapes/failure.ts";
import {
  type Modality,
  type Models,
  type OnnxModel,
  type OnnxSpeechModel,
  takenBy,
} from "../../src/shapes/model.ts";
import { Inference } from "../../workers/compute/server/inference/inference.ts";
import { CliError } from "../io/output.ts";

const PATIENCE_MS = 300_000;
const MEMORY_BYTES = 16 * 2 ** 30;
const GREY = 128;

/** Numbers in a vector of the model, the same for everything that it takes. `root` holds `models/`. @throws CliError */
export async function tryModel(root: string, name: string, model: OnnxModel): Promise<number> {
  return onTrial(root, { [name]: model }, async (inference) => {
    const sizes = new Map<Modality, number>();
    for (const modality of trialsOf(model)) {
      const { vector } = await inference.embed(name, modality, inputOf(model, modality), true);
      sizes.set(modality, vector.length);
    }
    const [size = 0, ...others] = sizes.values();
    if (others.some((other) => other !== size)) {
      const text = [...sizes].map(([modality, numbers]) => `${numbers} for ${modality}`).join(", ");
      throw new CliError(
        `The model gives vectors of different sizes (${text}): its files do not share a space.`,
      );
    }
    return size;
  });
}

/** Has a speech model listen to a second of a hum; what it makes of that does not matter. @throws CliError */
export async function tryListening(root: string, name: string, model: OnnxSpeechModel): Promise<void> {
  const samples = Int16Array.from({ length: 16_000 }, (_, i) => 3000 * Math.sin(i / 12));
  await onTrial(root, { [name]: model }, (inference) => inference.write(name, { samples }));
}

async function onTrial<T>(
  root: string,
  models: Models,
  work: (inference: Inference) => Promise<T>,
): Promise<T> {
  const options = { threads: 2, memory: MEMORY_BYTES, patienceMs: PATIENCE_MS };
  const inference = new Inference({ models, root, ...options });
  try {
    return await work(inference);
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    const { detail, next } = error.failure;
    throw new CliError(`The model does not run: ${detail}.${next ? ` ${next}` : ""}`);
  } finally {
    inference.close();
  }
}

/** A model of pictures is asked for one; that of film alone, for a span. */
const trialsOf = (model: OnnxModel): Modality[] =>
  takenBy(model).filter((modality) => modality !== "video" || !model.image);

function inputOf(model: OnnxModel, modality: Modality) {
  if (modality === "text") return { text: "a dog on a beach" };
  const size = (modality === "video" ? model.video : model.image)?.size ?? 1;
  const { width, height } = typeof size === "number" ? { width: size, height: size } : size;
  return { frames: [new Uint8Array(width * height * 3).fill(GREY)] };
}
