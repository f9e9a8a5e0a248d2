// Speech models behind an endpoint: OpenAI's `/audio/transcriptions` and what is compatible with it, or Workers AI. One
// window of sound goes out, and what was heard in it comes back, in the window's own time. transcriptions.ts is the caller.
import { Buffer } from "node:buffer";
import { z } from "zod";
import { fail, ok, type Result } from "../../src/shapes/failure.ts";
import type { HttpSpeechModel } from "../../src/shapes/model.ts";
import { type Endpoint, postTo, type RequestBody } from "./endpoint.ts";
import type { Heard, Said } from "./media.ts";
import { patiently } from "./patience.ts";

const wordSchema = z.object({ word: z.string(), start: z.number(), end: z.number() });
const wordsSchema = z.array(wordSchema).nullish();
const answeredSchema = z.object({
  text: z.string(),
  language: z.string().nullish(),
  /** Where Workers AI says the language. */
  transcription_info: z.object({ language: z.string().nullish() }).nullish(),
  words: wordsSchema,
  segments: z
    .array(z.object({ text: z.string(), start: z.number(), end: z.number(), words: wordsSchema }))
    .nullish(),
});
/** Workers AI wraps what its REST API answers. */
const answerSchema = z.union([
  z.object({ result: answeredSchema }).transform(({ result }) => result),
  answeredSchema,
]);

/** Silence that parts two sentences, seconds. */
const PAUSE_SECONDS = 0.8;
/** Words of a sentence that does not end. */
const MAX_SENTENCE_WORDS = 40;
/** Spaces between words of scripts that are written without. */
const BETWEEN_UNSPACED =
  /(?<=[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]) (?=[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}])/gu;
const SENTENCE_END = /[.!?…。！？]["'”’)]?$/;

/** Asks for the text of a window of `seconds`. Throws FailureError. */
export async function hear(
  endpoint: Endpoint,
  model: HttpSpeechModel,
  wav: Uint8Array<ArrayBuffer>,
  seconds: number,
  language: string | undefined,
): Promise<Heard> {
  const answer = await patiently(endpoint, async (): Promise<Result<z.infer<typeof answeredSchema>>> => {
    const { body, type } = requestOf(model, wav, language);
    const posted = await postTo(endpoint, model, body, type === undefined ? {} : { "content-type": type });
    if (!posted.ok) return posted;
    const parsed = answerSchema.safeParse(posted.value);
    if (parsed.success) return ok(parsed.data);
    const next = 'Check "url" and "send" in models.json: docs/models.md has an example of each.';
    const { host } = new URL(model.url);
    return fail("bad_model", `${host} answers with something else than a transcript.`, { next });
  });
  return heardIn(answer, seconds);
}

/** The body of a request, with its content type where the body does not bring it. */
function requestOf(
  { send, parameters, model }: HttpSpeechModel,
  wav: Uint8Array<ArrayBuffer>,
  language: string | undefined,
): { body: RequestBody; type?: string } {
  if (send === "bytes") return { body: wav, type: "audio/wav" };
  if (send === "json") {
    const audio = Buffer.from(wav).toString("base64");
    const body = JSON.stringify({ ...parameters, ...(language && { language }), audio });
    return { body, type: "application/json" };
  }
  const form = new FormData();
  form.set("file", new Blob([wav], { type: "audio/wav" }), "speech.wav");
  form.set("model", model);
  form.set("response_format", "verbose_json");
  form.append("timestamp_granularities[]", "word");
  form.append("timestamp_granularities[]", "segment");
  if (language) form.set("language", language);
  // What is given takes the place of what is sent as a rule; a null takes it away.
  for (const [name, value] of Object.entries(parameters)) {
    form.delete(name);
    for (const each of Array.isArray(value) ? value : [value])
      if (each !== null) form.append(name, typeof each === "string" ? each : JSON.stringify(each));
  }
  return { body: form };
}

function heardIn(answer: z.infer<typeof answeredSchema>, seconds: number): Heard {
  const nested = answer.segments?.flatMap((segment) => segment.words ?? []) ?? [];
  const spoken = answer.words?.length ? answer.words : nested;
  const words = spoken.flatMap(({ word, ...time }) => said(word, time, seconds));
  const segments = answer.segments?.flatMap(({ text, ...time }) => said(text, time, seconds)) ?? [];
  const whole =
    segments.length > 0 || words.length > 0 ? [] : said(answer.text, { start: 0, end: seconds }, seconds);
  return {
    language: answer.language ?? answer.transcription_info?.language ?? null,
    segments: segments.length > 0 ? segments : [...sentencesOf(words), ...whole],
    words,
  };
}

/** A text and its time, within the window; none for an empty one. */
function said(text: string, { start, end }: { start: number; end: number }, seconds: number): Said[] {
  const trimmed = text.trim();
  const from = Math.min(Math.max(0, start), seconds);
  return trimmed === "" ? [] : [{ text: trimmed, start: from, end: Math.min(Math.max(from, end), seconds) }];
}

/** Sentences of words, where a model gives none: up to a mark that ends one, or a pause. */
function sentencesOf(words: readonly Said[]): Said[] {
  const sentences: { words: Said[] }[] = [];
  let before: Said | undefined;
  for (const word of words) {
    const sentence = sentences.at(-1);
    const goesOn =
      before &&
      word.start - before.end < PAUSE_SECONDS &&
      !SENTENCE_END.test(before.text) &&
      (sentence?.words.length ?? 0) < MAX_SENTENCE_WORDS;
    if (sentence && goesOn) sentence.words.push(word);
    else sentences.push({ words: [word] });
    before = word;
  }
  return sentences.map(({ words: own }) => ({
    text: own
      .map(({ text }) => text)
      .join(" ")
      .replace(BETWEEN_UNSPACED, ""),
    start: own[0]?.start ?? 0,
    end: own.at(-1)?.end ?? 0,
  }));
}
