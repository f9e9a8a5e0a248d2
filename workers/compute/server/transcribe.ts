// POST /v1/transcribe: a window of speech, as /v1/speech gives it, through a speech model of this project.
import { Buffer } from "node:buffer";
import { FailureError, fail, ok, type Result } from "../../../src/shapes/failure.ts";
import { definitionOf, isOnnxSpeech } from "../../../src/shapes/model.ts";
import type { EmbedDeps } from "./embed.ts";
import { type ModelCatalogue, otherDefinition } from "./models.ts";
import { refusal, type TranscribeRequest } from "./requests.ts";

/** What the model hears, with its seconds in the window. */
export async function transcribe(
  { pool, catalogue, inference }: EmbedDeps,
  request: TranscribeRequest,
): Promise<Response> {
  const usable = await requireSpeech(catalogue, request);
  if (!usable.ok) return refusal(usable.failure);
  const samples = samplesOf(Buffer.from(request.audio, "base64"));
  if (!samples.ok) return refusal(samples.failure);
  const place = pool.admit(1);
  if (!place.ok) return refusal(place.failure);
  try {
    const { model, language } = request;
    const { segments, words, ...written } = await inference.write(model, {
      samples: samples.value,
      language,
    });
    return Response.json({ language: written.language, segments, words });
  } catch (error) {
    if (error instanceof FailureError) return refusal(error.failure);
    throw error;
  } finally {
    place.release();
  }
}

async function requireSpeech(
  { models }: ModelCatalogue,
  { model: name, definition }: TranscribeRequest,
): Promise<Result<undefined>> {
  const model = Object.hasOwn(models, name) ? models[name] : undefined;
  if (!isOnnxSpeech(model)) {
    const able = Object.entries(models).filter(([, one]) => isOnnxSpeech(one));
    const expected = able.map(([other]) => other).join(", ") || "a speech model of ONNX files: there is none";
    const next =
      'Name one of these, or add one: weir models add whisper-base. An "http" model is asked elsewhere.';
    return fail("unknown_model", `compute has no speech model ${name}`, { where: "model", expected, next });
  }
  if (definition !== undefined && definition !== (await definitionOf(model))) return otherDefinition(name);
  return ok(undefined);
}

const HEAD_BYTES = 44;

/** The samples of a WAV of 16 kHz, one channel, 16 bits. */
function samplesOf(wav: Buffer): Result<Int16Array> {
  const isWav =
    wav.length >= HEAD_BYTES &&
    wav.toString("latin1", 0, 4) === "RIFF" &&
    wav.toString("latin1", 8, 16) === "WAVEfmt " &&
    wav.readUInt32LE(16) === 16 &&
    wav.readUInt16LE(20) === 1 &&
    wav.readUInt16LE(22) === 1 &&
    wav.readUInt32LE(24) === 16_000 &&
    wav.readUInt16LE(34) === 16 &&
    wav.toString("latin1", 36, 40) === "data";
  if (!isWav)
    return fail("invalid", "audio: not the sound that a speech model takes", {
      where: "audio",
      expected: "base64 of a WAV of 16 kHz, one channel, 16 bits, as /v1/speech gives it",
    });
  const bytes = Math.min(wav.readUInt32LE(40), wav.length - HEAD_BYTES);
  const samples = new Int16Array(bytes >> 1);
  for (let i = 0; i < samples.length; i++) samples[i] = wav.readInt16LE(HEAD_BYTES + i * 2);
  return ok(samples);
}
