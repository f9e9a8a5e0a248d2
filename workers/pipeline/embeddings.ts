// Embeddings for one run's handler. Calls of one turn of the event loop are looked up together among the kept results
// (result-keys.ts); the rest travels in batches, bounded by count and by seconds of film, several in flight. Results
// are kept before the next batch goes, so that the next attempt does not compute them again.

import { objectHex } from "../../src/shapes/event-id.ts";
import { FailureError } from "../../src/shapes/failure.ts";
import type { SampledVectors } from "../../src/shapes/item.ts";
import {
  type EmbeddingModel,
  findModel,
  type Modality,
  type Models,
  prefixed,
  type Recipe,
  ranAs,
  recipeOf,
  type TextRole,
} from "../../src/shapes/model.ts";
import type { ResultStore, StoredResult } from "../../src/shapes/results.ts";
import type { EmbeddingCounts } from "../../src/shapes/run.ts";
import { framesFromBytes, framesToBytes } from "../../src/store/frames.ts";
import { requireAllowed } from "./allowed-models.ts";
import { bytesFromBase64, type ComputeClient, type EmbedInput } from "./compute.ts";
import { remember } from "./context.ts";
import { askEndpoint, type Embedded, type Endpoint } from "./endpoint.ts";
import { step } from "./meter.ts";
import { isSame, resultKey, type SeenObject } from "./result-keys.ts";

export interface EmbeddingDeps {
  models: Models;
  /** Names of the models that the pipeline may use; undefined: every model that needs no secret. */
  allowed: readonly string[] | undefined;
  compute: ComputeClient;
  results: ResultStore;
  endpoint: Endpoint;
  /** Counts for the report; they grow as answers come. */
  counts: EmbeddingCounts;
}

/** A handler's call for one embedding. */
interface EmbedRequest {
  kind: Modality;
  input: EmbedInput;
  name: string;
  model: EmbeddingModel;
  recipe: Recipe;
  /** Key of the kept result; undefined where none can be kept. */
  key: string | undefined;
  resolve(values: Float32Array): void;
  reject(error: unknown): void;
}

/** A call whose recipe and key are still being computed. */
interface UnkeyedRequest extends Omit<EmbedRequest, "recipe" | "key"> {
  ready: Promise<Pick<EmbedRequest, "recipe" | "key">>;
}

const MAX_IN_FLIGHT = 4;
/** Bounds of one batch. Seconds of film count, since a span without keyframes of its own is decoded whole. */
const MAX_ITEMS = 16;
const MAX_TEXTS = 64;
const MAX_BATCH_CHARACTERS = 400_000;
const MAX_FILM_SECONDS = 300;
const MAX_TEXT_CHARACTERS = 100_000;
/** Most keys in one look-up. */
const MAX_KEYS = 500;

export class Embeddings {
  readonly #deps: EmbeddingDeps;
  readonly #opened = new Map<string, SeenObject>();
  readonly #recipes = new Map<string, Promise<Recipe>>();
  #unkeyed: UnkeyedRequest[] = [];
  #waiting: EmbedRequest[] = [];
  readonly #making = new Set<Promise<void>>();
  #scheduled = false;

  constructor(deps: EmbeddingDeps) {
    this.#deps = deps;
  }

  /** Notes which version of an object a URL is of, so that results of it can be found again. */
  opened(url: string, object: SeenObject): void {
    this.#opened.set(url, object);
  }

  /** Resolves once all computed vectors are kept: a Worker may end with its run. */
  async settled(): Promise<void> {
    while (this.#making.size > 0) await Promise.all(this.#making);
  }

  /** Embeds one span, picture or text; a text as its `role` asks for. Throws {@link FailureError}. */
  async embed(
    kind: Modality,
    subject: EmbedInput,
    name: string,
    role: TextRole = "document",
  ): Promise<Float32Array> {
    if ("text" in subject) checkText(subject.text);
    const model = this.#model(name, kind);
    const input = "text" in subject ? { text: prefixed(model, subject.text, role) } : subject;
    const ready = this.#recipe(name, model, kind).then(async (recipe) => ({
      recipe,
      key: await resultKey(kind, recipe.definition, input, this.#opened),
    }));
    // Nothing is awaited before this: hashes end in any turn, and calls of one turn would be torn apart.
    return new Promise((resolve, reject) => {
      this.#unkeyed.push({ kind, input, name, model, ready, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setTimeout(() => {
        this.#scheduled = false;
        const batch = this.#unkeyed.splice(0);
        this.#lookUp(batch).catch((error: unknown) => batch.forEach(({ reject }) => void reject(error)));
      });
    });
  }

  #model(name: string, kind: Modality): EmbeddingModel {
    const lookup = findModel(this.#deps.models, name, kind);
    if (!lookup.ok) throw new FailureError(lookup.failure);
    requireAllowed(name, lookup.value, this.#deps.allowed);
    return lookup.value;
  }

  #recipe(name: string, model: EmbeddingModel, kind: Modality): Promise<Recipe> {
    const id = `${kind} ${name}`;
    const recipe = this.#recipes.get(id) ?? recipeOf(model, kind);
    this.#recipes.set(id, recipe);
    return recipe;
  }

  /** Resolves calls whose results are kept from before; the others wait to be computed. */
  async #lookUp(all: UnkeyedRequest[]): Promise<void> {
    const keyed = await Promise.all(
      all.map(async ({ ready, ...request }) => ({ ...request, ...(await ready) })),
    );
    for (let index = 0; index < keyed.length; index += MAX_KEYS) {
      const part = keyed.slice(index, index + MAX_KEYS);
      const keys = [...new Set(part.flatMap(({ key }) => key ?? []))];
      // A store that does not answer costs time, not the run.
      const results: StoredResult[] = keys.length ? await this.#find(keys).catch(() => []) : [];
      const kept = new Map(results.map((result) => [result.key, result]));
      for (const request of part) {
        const result = kept.get(request.key ?? "");
        // One from before frames were kept is made once more.
        if (result && (result.frames || !hasFrames(request))) this.#settle(request, embeddedOf(result), true);
        else this.#waiting.push(request);
      }
      this.#pump();
    }
  }

  #find = (keys: string[]) =>
    step(
      "kept embeddings",
      () => this.#deps.results.find(keys),
      ({ length }) => ({
        ...{ cached: length, detail: `${length} of ${keys.length} known` },
      }),
    );

  /** Sends batches until as many are in flight as may be. */
  #pump(): void {
    while (this.#waiting.length > 0 && this.#making.size < MAX_IN_FLIGHT) {
      const batch = this.#nextBatch();
      const making = this.#make(batch)
        .catch((error: unknown) => batch.forEach((request) => void request.reject(error)))
        .finally(() => {
          this.#making.delete(making);
          this.#pump();
        });
      this.#making.add(making);
    }
  }

  /** Takes the call that waits longest with all others of its kind and model, as many as one batch holds. */
  #nextBatch(): EmbedRequest[] {
    const [first] = this.#waiting as [EmbedRequest];
    const texts = first.model.kind === "http" ? first.model.batch : MAX_TEXTS;
    const limit = first.kind === "text" ? texts : MAX_ITEMS;
    const batch = new Set<EmbedRequest>();
    // Part of a batch's capacity that is taken.
    let share = 0;
    for (const request of this.#waiting) {
      if (request.kind !== first.kind || request.name !== first.name) continue;
      share += shareOf(request.input);
      if (batch.size >= limit || (batch.size > 0 && share > 1)) break;
      batch.add(request);
    }
    this.#waiting = this.#waiting.filter((request) => !batch.has(request));
    return [...batch];
  }

  /** Computes a batch, and keeps those vectors that were read of the object as the run saw it. */
  async #make(batch: EmbedRequest[]): Promise<void> {
    const computed: StoredResult[] = [];
    const done = (index: number, embedded: Embedded) => {
      const request = batch[index];
      if (!request) return;
      const { key, input } = request;
      const seen = "url" in input ? this.#opened.get(input.url) : undefined;
      if (key !== undefined && (!seen || isSame(seen, embedded.version)))
        computed.push({ ...resultOf(key, embedded), ...(seen && { object: objectHex(seen) }) });
      this.#settle(request, embedded, false);
    };
    const failed = (index: number, error: unknown) => {
      this.#deps.counts.asked += 1;
      batch[index]?.reject(error);
    };
    try {
      await this.#compute(batch, done, failed);
    } finally {
      if (computed.length > 0) await this.#deps.results.keep(computed).catch(() => {});
    }
  }

  async #compute(
    batch: EmbedRequest[],
    done: (index: number, embedded: Embedded) => void,
    failed: (index: number, error: unknown) => void,
  ): Promise<void> {
    const { compute, endpoint } = this.#deps;
    const [{ kind, name, model, recipe }] = batch as [EmbedRequest];
    const items = batch.map(({ input }) => input);
    if (model.kind === "http") return askEndpoint(endpoint, compute, model, kind, items, { done, failed });
    await compute.embed({ kind, model: name, definition: recipe.definition }, items, (index, line) => {
      if ("error" in line) failed(index, new FailureError(line.error));
      else {
        const values = new Float32Array(bytesFromBase64(line.embedding).buffer);
        done(index, { values, frames: framesIn(line, values.length), version: line.version });
      }
    });
  }

  #settle(
    { name, model, recipe, input, resolve }: EmbedRequest,
    { values, frames }: Embedded,
    isKept: boolean,
  ): void {
    this.#deps.counts.asked += 1;
    if (isKept) this.#deps.counts.known += 1;
    const span = "span" in input && input.span;
    const provenance = {
      model: ranAs(name, model),
      recipe,
      ...(span && { span }),
      ...(frames && { frames }),
    };
    resolve(remember(values, provenance));
  }
}

/** Whether a span's frames have vectors of their own: not where a model takes them together. */
const hasFrames = ({ kind, model }: EmbedRequest): boolean =>
  kind === "video" && !(model.kind === "onnx" && model.video);

const embeddedOf = ({ vector, frames }: StoredResult): Embedded => ({
  values: new Float32Array(vector.slice().buffer),
  frames: frames && framesFromBytes(frames),
});

function resultOf(key: string, { values, frames }: Embedded): StoredResult {
  const vector = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
  return { key, vector, ...(frames && { frames: framesToBytes(frames) }) };
}

/** The frames of an answer's line; undefined where it has none, as of a picture. */
function framesIn(
  { sampled: seconds, frame_vectors }: { sampled?: number[] | undefined; frame_vectors?: string | undefined },
  dimensions: number,
): SampledVectors | undefined {
  if (!seconds || frame_vectors === undefined) return undefined;
  const values = new Int8Array(bytesFromBase64(frame_vectors).buffer);
  return values.length === seconds.length * dimensions ? { seconds, values } : undefined;
}

/** Share of a batch's capacity that an input takes. A whole film, of a length not known here, takes all of it. */
function shareOf(input: EmbedInput): number {
  if ("text" in input) return input.text.length / MAX_BATCH_CHARACTERS;
  return input.span ? (input.span.end - input.span.start) / MAX_FILM_SECONDS : 0;
}

function checkText(text: unknown): void {
  const given = typeof text === "string" ? `${text.length} characters` : `a ${typeof text}`;
  if (typeof text === "string" && text.length > 0 && text.length <= MAX_TEXT_CHARACTERS) return;
  const expected = `1 to ${MAX_TEXT_CHARACTERS} characters`;
  throw new FailureError({
    kind: "invalid",
    detail: `embed.text was given ${given}.`,
    where: "embed.text",
    expected,
  });
}
