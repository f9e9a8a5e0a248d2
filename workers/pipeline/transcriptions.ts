// Transcripts for one run's handler: compute finds the windows of a film's sound that have a voice in them, a speech
// model says what it is, in compute or at its endpoint (speech-endpoint.ts), and each window's times become the film's own. What was heard in
// a window is kept at once, so that the next attempt asks for the rest alone; a whole transcript wakes no compute again.
import { z } from "zod";
import { type Failure, FailureError } from "../../src/shapes/failure.ts";
import { definitionOf, isSpeech, type Models, type SpeechModel } from "../../src/shapes/model.ts";
import type { ResultStore } from "../../src/shapes/results.ts";
import { isAllowed, requireAllowed } from "./allowed-models.ts";
import type { ComputeClient } from "./compute.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  type Heard,
  heardSchema,
  type SpeechWindow,
  type TranscribeOptions,
  type Transcript,
} from "./media.ts";
import { isSame, resultKey, type SeenObject } from "./result-keys.ts";
import { hear } from "./speech-endpoint.ts";

export interface TranscriptionDeps {
  models: Models;
  /** Names of the models that the pipeline may use; undefined: every model that needs no secret. */
  allowed: readonly string[] | undefined;
  compute: ComputeClient;
  results: ResultStore;
  endpoint: Endpoint;
}

/** A film by its URL, or a span of it. */
interface SoundSource {
  url: string;
  span?: { start: number; end: number };
}

/** A speech model and how it is to be asked. */
interface Listener {
  name: string;
  model: SpeechModel;
  /** Hash of its entry in models.json. */
  definition: string;
  language: string | undefined;
}

/** Windows that a model is asked about at once: 1 MB each, while the rest waits in compute. */
const MAX_IN_FLIGHT = 4;
/** A longer transcript is kept by its windows alone, bytes. */
const MAX_KEPT_BYTES = 1_500_000;
const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/;

const transcriptSchema = heardSchema.extend({ text: z.string(), heardSeconds: z.number() });

export class Transcriptions {
  readonly #deps: TranscriptionDeps;
  readonly #opened = new Map<string, SeenObject>();

  constructor(deps: TranscriptionDeps) {
    this.#deps = deps;
  }

  /** Notes which version of an object a URL is of, so that results of it can be found again. */
  opened(url: string, object: SeenObject): void {
    this.#opened.set(url, object);
  }

  /** Transcribes a film's sound, or a span's. Throws {@link FailureError}. */
  async transcribe(
    source: SoundSource,
    { model: name, language }: TranscribeOptions = {},
  ): Promise<Transcript> {
    if (language !== undefined && !LANGUAGE.test(language))
      throw new FailureError({
        kind: "invalid",
        detail: `transcribe was given the language ${JSON.stringify(language)}.`,
        where: "transcribe",
        expected: "a code of ISO 639, like en or pt-BR",
      });
    const found = this.#model(name);
    const listener = { ...found, definition: await definitionOf(found.model), language };
    const key = await resultKey("transcript", keyedBy(listener), source, this.#opened);
    const kept = await this.#kept(key, transcriptSchema);
    if (kept) return kept;
    const heard = await this.#hearAll(source, listener);
    const transcript = joined(heard);
    if (heard.every(({ isOfSeen }) => isOfSeen)) await this.#keep(key, transcript);
    return transcript;
  }

  #model(name: string | undefined): Pick<Listener, "name" | "model"> {
    const { models, allowed } = this.#deps;
    const all = Object.entries(models).filter((entry): entry is [string, SpeechModel] => isSpeech(entry[1]));
    const able = name === undefined ? all.filter(([own, model]) => isAllowed(own, model, allowed)) : all;
    const [found, second] = name === undefined ? able : all.filter(([own]) => own === name);
    if (name !== undefined && found) requireAllowed(name, found[1], allowed);
    if (found && !second) return { name: found[0], model: found[1] };
    throw new FailureError(noSuchModel(name, able.map(([own]) => own).sort()));
  }

  /** Asks about each window as it comes, some at a time. All end before the first failure is thrown: they are kept. */
  async #hearAll({ url, span }: SoundSource, listener: Listener): Promise<WindowHeard[]> {
    const heard: Promise<WindowHeard>[] = [];
    const inFlight = new Set<Promise<unknown>>();
    let isBroken = false;
    try {
      for await (const window of this.#deps.compute.speech(url, span?.start ?? 0, span?.end)) {
        const hearing = this.#hear(url, window, listener);
        heard.push(hearing);
        const ended = hearing.then(
          () => void inFlight.delete(ended),
          () => {
            isBroken = true;
          },
        );
        inFlight.add(ended);
        if (inFlight.size >= MAX_IN_FLIGHT) await Promise.race(inFlight);
        if (isBroken) break;
      }
    } finally {
      await Promise.all(inFlight);
    }
    return Promise.all(heard);
  }

  async #hear(
    url: string,
    { start, end, wav, version }: SpeechWindow,
    listener: Listener,
  ): Promise<WindowHeard> {
    const seconds = end - start;
    const key = await resultKey("heard", keyedBy(listener), { url, span: { start, end } }, this.#opened);
    const seen = this.#opened.get(url);
    const isOfSeen = seen !== undefined && isSame(seen, version);
    const kept = isOfSeen ? await this.#kept(key, heardSchema) : undefined;
    const heard = kept ?? (await this.#ask(listener, wav, seconds));
    if (!kept && isOfSeen) await this.#keep(key, heard);
    return { ...heard, start, seconds, isOfSeen };
  }

  #ask(listener: Listener, wav: SpeechWindow["wav"], seconds: number): Promise<Heard> {
    const { name, model, definition, language } = listener;
    const { compute, endpoint } = this.#deps;
    return model.kind === "onnx"
      ? compute.transcribe({ model: name, definition, language }, wav)
      : hear(endpoint, model, wav, seconds, language);
  }

  /** What is kept under a key. A store that does not answer, or answers with something else, costs time, not the run. */
  async #kept<T>(key: string | undefined, schema: z.ZodType<T>): Promise<T | undefined> {
    if (key === undefined) return undefined;
    try {
      const [result] = await this.#deps.results.find([key]);
      return result && schema.parse(JSON.parse(new TextDecoder().decode(result.vector)));
    } catch {
      return undefined;
    }
  }

  async #keep(key: string | undefined, value: object): Promise<void> {
    const vector = new TextEncoder().encode(JSON.stringify(value));
    if (key === undefined || vector.length > MAX_KEPT_BYTES) return;
    await this.#deps.results.keep([{ key, vector }]).catch(() => {});
  }
}

const keyedBy = ({ definition, language }: Listener) => JSON.stringify([definition, language]);

/** What was heard in a window, in its own time, and whether it is of the version that the run saw. */
interface WindowHeard extends Heard {
  start: number;
  seconds: number;
  isOfSeen: boolean;
}

/** Puts windows together, in the film's time. */
function joined(windows: readonly WindowHeard[]): Transcript {
  const inFilm = (part: "segments" | "words") =>
    windows.flatMap((window) =>
      window[part].map(({ text, start, end }) => ({
        text,
        start: rounded(window.start + start),
        end: rounded(window.start + end),
      })),
    );
  const segments = inFilm("segments");
  return {
    text: segments.map(({ text }) => text).join(" "),
    language: languageOf(windows),
    segments,
    words: inFilm("words"),
    heardSeconds: rounded(windows.reduce((sum, { seconds }) => sum + seconds, 0)),
  };
}

/** The language of the most seconds. */
function languageOf(windows: readonly WindowHeard[]): string | null {
  const spoken = new Map<string, number>();
  for (const { language, seconds, segments } of windows)
    if (language !== null && segments.length > 0) spoken.set(language, (spoken.get(language) ?? 0) + seconds);
  return [...spoken].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}

/** Milliseconds: what speech has. */
const rounded = (seconds: number) => Math.round(seconds * 1000) / 1000;

function noSuchModel(name: string | undefined, able: readonly string[]): Failure {
  const next =
    able.length > 0
      ? "Name one of these."
      : 'Add one with "task": "transcribe" to models.json, and name it under "models" in config.json if it has a key.';
  const detail =
    name !== undefined
      ? `There is no speech model ${name}.`
      : able.length > 0
        ? "There are several speech models."
        : "The pipeline may use no speech model.";
  return {
    kind: "unknown_model",
    detail,
    where: "model",
    expected: able.join(", ") || "a speech model",
    next,
  };
}
