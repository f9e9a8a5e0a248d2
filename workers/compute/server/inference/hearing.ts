// Sound through a Whisper model: a spectrogram into its encoder, tokens out of its decoder one by one, the likeliest each
// time, and their text with its times. Inference process only.
import type { Tokenizer } from "@huggingface/tokenizers";
import { Tensor } from "onnxruntime-node";
import { FailureError, fail } from "../../../../src/shapes/failure.ts";
import type { WhisperModel } from "../../../../src/shapes/model.ts";
import { badModel } from "./bad-model.ts";
import { reasonOf, type Sessions } from "./load.ts";
import { HEARD_RATE, logMel, WINDOW_FRAMES, WINDOW_SAMPLES } from "./mel.ts";
import { beforeLoop, type Grammar, grammarOf, nextToken } from "./next-token.ts";
import { spokenIn, type Utterance, wordsOf } from "./spoken.ts";
import { TokenDecoder } from "./token-decoder.ts";
import { tokenizerOf } from "./tokens.ts";

/** Sound to be written down. */
export interface HeardSound {
  /** 16 kHz, one channel, 16 bits. */
  samples: Int16Array;
  /** Code of the language that is spoken; the model finds out, when absent. */
  language?: string | undefined;
}

/** What is said in it, in its own seconds. */
export interface WrittenSound {
  language: string | null;
  segments: Utterance[];
  words: Utterance[];
}

/** Shorter rests are not heard: no word is, and a model that hears nothing makes something up. */
const MIN_REST = 0.5 * HEARD_RATE;
const MAX_SHORT = 32_768;

/** Writes sound down, 30 seconds at a time. Throws FailureError. */
export async function write(
  sessions: Sessions,
  root: string,
  model: WhisperModel,
  { samples, language }: HeardSound,
): Promise<WrittenSound> {
  const sound = Float32Array.from(samples, (sample) => sample / MAX_SHORT);
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
  const [code = ""] = given.toLowerCase().split("-");
  if (known.includes(code)) return code;
  const expected = known.sort().join(", ");
  throw new FailureError(
    fail("invalid", `the model knows no language ${given}`, {
      where: "language",
      expected,
      next: "Name one of these, or none: the model finds out.",
    }).failure,
  );
}

async function hearWindow(
  sessions: Sessions,
  model: WhisperModel,
  window: Float32Array,
  given: string | undefined,
): Promise<{ language: string | undefined; written: number[] }> {
  const states = await encoded(sessions, model, window);
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

async function encoded(sessions: Sessions, model: WhisperModel, window: Float32Array): Promise<Tensor> {
  const { encoder, mels } = model;
  const session = await sessions.of(encoder);
  const [input = "", ...others] = session.inputNames;
  const output = session.outputNames.find((name) => name === "last_hidden_state") ?? session.outputNames[0];
  if (others.length > 0 || output === undefined)
    throw badModel(
      `${encoder.file} takes ${session.inputNames.join(", ")}; Whisper's encoder takes input_features`,
    );
  const features = new Tensor("float32", logMel(window, mels), [1, mels, WINDOW_FRAMES]);
  const results = await session.run({ [input]: features }, [output]).catch((error: unknown) => {
    throw badModel(`${encoder.file} does not take what models.json says it does: ${reasonOf(error)}`);
  });
  return results[output] as Tensor;
}

const textOf = (tokenizer: Tokenizer, ids: number[]) =>
  tokenizer.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false }).trim();
