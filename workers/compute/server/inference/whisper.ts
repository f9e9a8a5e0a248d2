// Sound through a Whisper model: a spectrogram into its encoder, tokens out of its decoder one by one, the likeliest each
// time, and their text with its times. Inference process only.
import { Tensor } from "onnxruntime-node";
import type { WhisperModel } from "../../../../src/shapes/model.ts";
import type { Sessions } from "./load.ts";
import { HEARD_RATE, logMel, WINDOW_FRAMES, WINDOW_SAMPLES } from "./mel.ts";
import { beforeLoop, type Grammar, grammarOf, nextToken } from "./next-token.ts";
import { encoded, floatsOf, type HeardSound, requireLanguage, textOf, type WrittenSound } from "./sound.ts";
import { spokenIn, type Utterance, wordsOf } from "./spoken.ts";
import { TokenDecoder } from "./token-decoder.ts";
import { tokenizerOf } from "./tokens.ts";

/** Shorter rests are not heard: no word is, and a model that hears nothing makes something up. */
const MIN_REST = 0.5 * HEARD_RATE;

/** Writes sound down, 30 seconds at a time. Throws FailureError. */
export async function hearByWhisper(
  sessions: Sessions,
  root: string,
  model: WhisperModel,
  { samples, language }: HeardSound,
): Promise<WrittenSound> {
  const sound = floatsOf(samples);
  const tokenizer = await tokenizerOf(root, model);
  const segments: Utterance[] = [];
  let spoken = spokenLanguage(model, language);
  for (let at = 0; at === 0 || sound.length - at > MIN_REST; ) {
    const window = sound.subarray(at, at + WINDOW_SAMPLES);
    const heard = await hearWindow(sessions, model, window, spoken);
    spoken = heard.language;
    const seconds = window.length / HEARD_RATE;
    const { parts, goOn } = spokenIn(heard.written, { zero: grammarOf(model).zero, seconds });
    for (const { ids, start, end } of parts) {
      const text = textOf(tokenizer, ids);
      const offset = at / HEARD_RATE;
      if (text !== "") segments.push({ text, start: offset + start, end: offset + end });
    }
    at += goOn === undefined ? window.length : Math.round(goOn * HEARD_RATE);
    if (sound.length === 0) break;
  }
  return { language: spoken ?? null, segments, words: segments.flatMap(wordsOf) };
}

/** The language that is given, by its code in the model. */
function spokenLanguage({ tokens }: WhisperModel, given: string | undefined): string | undefined {
  const codes = Object.keys(tokens.languages);
  const known = codes.length === 0 ? ["en"] : codes;
  if (given === undefined) return codes.length === 0 ? "en" : undefined;
  return requireLanguage(known, given);
}

async function hearWindow(
  sessions: Sessions,
  model: WhisperModel,
  window: Float32Array,
  given: string | undefined,
): Promise<{ language: string | undefined; written: number[] }> {
  const { encoder, mels } = model;
  const features = new Tensor("float32", logMel(window, mels), [1, mels, WINDOW_FRAMES]);
  const states = await encoded(sessions, encoder, features, "Whisper's encoder takes input_features");
  const session = await sessions.of(model.decoder);
  const fresh = () => new TokenDecoder(session, model.decoder.file, states);
  const { start, transcribe, languages } = model.tokens;
  const isOfMany = Object.keys(languages).length > 0;
  const detects = isOfMany && given === undefined;
  const language = detects ? likeliestLanguage(await fresh().after([start]), languages) : given;
  const token = isOfMany && language !== undefined ? languages[language] : undefined;
  const prompt = [start, token, transcribe].flatMap((one) => one ?? []);
  return { language, written: await writtenBy(fresh(), prompt, model) };
}

function likeliestLanguage(logits: Float32Array, languages: Record<string, number>): string | undefined {
  const likelihood = (token: number) => logits[token] ?? Number.NEGATIVE_INFINITY;
  return Object.entries(languages).sort(([, a], [, b]) => likelihood(b) - likelihood(a))[0]?.[0];
}

/** Tokens up to the one that ends them, half of what the decoder takes at most: the rest is for what came before. */
async function writtenBy(decoder: TokenDecoder, prompt: number[], model: WhisperModel): Promise<number[]> {
  const grammar: Grammar = grammarOf(model);
  const written: number[] = [];
  const most = Math.floor(model.max_length / 2);
  for (let fed = prompt; written.length < most; ) {
    const token = nextToken(await decoder.after(fed), written, grammar);
    if (token === grammar.end) break;
    written.push(token);
    const cut = beforeLoop(written);
    if (cut) return cut;
    fed = [token];
  }
  return written;
}
