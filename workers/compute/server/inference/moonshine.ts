// Sound through a Moonshine model: samples as they are into its encoder, the likeliest tokens out of its decoder. It writes
// no times: they are those of the voice, phrase by phrase. Inference process only.
import { Tensor } from "onnxruntime-node";
import type { MoonshineModel } from "../../../../src/shapes/model.ts";
import { phrasesIn, VOICE_RATE } from "../voice.ts";
import type { Sessions } from "./load.ts";
import { beforeLoop, likeliest } from "./next-token.ts";
import { encoded, floatsOf, type HeardSound, requireLanguage, textOf, type WrittenSound } from "./sound.ts";
import { type Utterance, wordsOf } from "./spoken.ts";
import { TokenDecoder } from "./token-decoder.ts";
import { tokenizerOf } from "./tokens.ts";

/** Less than this is no word, and hardly a frame of the encoder's, samples. */
const MIN_HEARD = 0.1 * VOICE_RATE;

/** Writes sound down, phrase by phrase. Throws FailureError. */
export async function hearByMoonshine(
  sessions: Sessions,
  root: string,
  model: MoonshineModel,
  { samples, language }: HeardSound,
): Promise<WrittenSound> {
  if (language !== undefined) requireLanguage([model.language], language);
  const sound = floatsOf(samples);
  const tokenizer = await tokenizerOf(root, model);
  const segments: Utterance[] = [];
  for (const { from, to, voice } of phrasesIn(samples)) {
    if (to - from < MIN_HEARD) continue;
    const text = textOf(tokenizer, await writtenOf(sessions, model, sound.subarray(from, to)));
    if (text !== "") segments.push({ text, start: voice.from / VOICE_RATE, end: voice.to / VOICE_RATE });
  }
  return { language: model.language, segments, words: segments.flatMap(wordsOf) };
}

/** Tokens up to the one that ends them, or as many as so much speech has. */
async function writtenOf(sessions: Sessions, model: MoonshineModel, sound: Float32Array): Promise<number[]> {
  const { encoder, decoder, tokens, tokens_per_second, max_length } = model;
  const input = new Tensor("float32", sound, [1, sound.length]);
  const states = await encoded(sessions, encoder, input, "Moonshine's encoder takes input_values");
  const reader = new TokenDecoder(await sessions.of(decoder), decoder.file, states);
  const most = Math.min(max_length - 1, Math.ceil((sound.length / VOICE_RATE) * tokens_per_second));
  const written: number[] = [];
  for (let fed = tokens.start; written.length < most; ) {
    const logits = await reader.after([fed]);
    const { token = tokens.end } = likeliest(logits, 0, logits.length, () => true);
    if (token === tokens.end) break;
    written.push(token);
    const cut = beforeLoop(written);
    if (cut) return cut;
    fed = token;
  }
  return written;
}
