// What a run's handler asks of models. Calls made in one turn of the event loop are looked up together, and what is
// not known travels together: bounded by count and by seconds of film, several requests in flight. What was made is
// kept before the next request goes, so that an attempt that ends here is not made again by the next one.

import { FailureError } from "../../src/shapes/failure.ts";
import {
  findModel,
  type Modality,
  type Model,
  type Models,
  type Recipe,
  ranAs,
  recipeOf,
} from "../../src/shapes/model.ts";
import type { ResultStore, StoredResult } from "../../src/shapes/results.ts";
import type { EmbeddingCounts } from "../../src/shapes/run.ts";
import { bytesOf, type Compute, type Input } from "./compute.ts";
import { remember } from "./context.ts";
import { askEndpoint, type Endpoint } from "./endpoint.ts";
import { isSame, type Opened, resultKey } from "./result-keys.ts";

export interface EmbeddingDeps {
  models: Models;
  /** Names that the pipeline may use; undefined: every model that needs no secret. */
  allowed: readonly string[] | undefined;
  compute: Compute;
  results: ResultStore;
  endpoint: Endpoint;
  /** Added to as answers come. */
  counts: EmbeddingCounts;
}

interface Wanted {
  kind: Modality;
  input: Input;
  name: string;
  model: Model;
  recipe: Recipe;
  key: string | undefined;
  resolve(values: Float32Array): void;
  reject(error: unknown): void;
}

/** As it was asked for; what it takes to know it by is on its way. */
interface Asked extends Omit<Wanted, "recipe" | "key"> {
  ready: Promise<Pick<Wanted, "recipe" | "key">>;
}

const MAX_IN_FLIGHT = 4;
/** Of one request: items, and seconds of film, of which a span without its own keyframes is decoded whole. */
const MAX_ITEMS = 16;
const MAX_TEXTS = 64;
const MAX_CHARACTERS = 400_000;
/** Of one text. */
const MAX_TEXT = 100_000;
const MAX_SECONDS = 300;
/** Keys in one look-up. */
const MAX_KEYS = 500;

export class Embeddings {
  readonly #deps: EmbeddingDeps;
  readonly #opened = new Map<string, Opened>();
  readonly #recipes = new Map<string, Promise<Recipe>>();
  #asked: Asked[] = [];
  #wanted: Wanted[] = [];
  readonly #making = new Set<Promise<void>>();
  #scheduled = false;

  constructor(deps: EmbeddingDeps) {
    this.#deps = deps;
  }

  /** Notes which version of an object a URL is of, so that results of it can be found again. */
  opened(url: string, object: Opened): void {
    this.#opened.set(url, object);
  }

  /** Resolves once all that was made is kept: a Worker may end with its run. */
  async settled(): Promise<void> {
    while (this.#making.size > 0) await Promise.all(this.#making);
  }

  /** The vector of one span, picture or text. Throws {@link FailureError}. */
  async embed(kind: Modality, input: Input, name: string): Promise<Float32Array> {
    if ("text" in input) checkText(input.text);
    const model = this.#model(name, kind);
    const ready = this.#recipe(name, model, kind).then(async (recipe) => ({
      recipe,
      key: await resultKey(kind, recipe.definition, input, this.#opened),
    }));
    // Nothing is waited for before this: hashes end in any turn, and calls made together would part.
    return new Promise((resolve, reject) => {
      this.#asked.push({ kind, input, name, model, ready, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setTimeout(() => {
        this.#scheduled = false;
        const asked = this.#asked.splice(0);
        this.#lookUp(asked).catch((error: unknown) => asked.forEach(({ reject }) => void reject(error)));
      });
    });
  }

  #model(name: string, kind: Modality): Model {
    const found = findModel(this.#deps.models, name, kind);
    if (!found.ok) throw new FailureError(found.failure);
    const { allowed } = this.#deps;
    const model = found.value;
    const may = allowed ? allowed.includes(name) : model.kind !== "http" || model.key === undefined;
    if (may) return model;
    throw new FailureError({
      kind: "unknown_model",
      detail: `the pipeline's config.json does not name ${name}`,
      where: "config.json",
      ...(allowed && { expected: allowed.join(", ") || 'no model: its "models" is empty' }),
      next: `Add "${name}" to "models" in its config.json; its Worker then has the model's secret, too.`,
    });
  }

  #recipe(name: string, model: Model, kind: Modality): Promise<Recipe> {
    const id = `${kind} ${name}`;
    const recipe = this.#recipes.get(id) ?? recipeOf(model, kind);
    this.#recipes.set(id, recipe);
    return recipe;
  }

  /** Settles what is known from before; the rest is to be computed. */
  async #lookUp(all: Asked[]): Promise<void> {
    const asked = await Promise.all(all.map(async ({ ready, ...one }) => ({ ...one, ...(await ready) })));
    for (let at = 0; at < asked.length; at += MAX_KEYS) {
      const part = asked.slice(at, at + MAX_KEYS);
      const keys = [...new Set(part.flatMap(({ key }) => key ?? []))];
      // A store that does not answer costs time, not the run.
      const found: StoredResult[] = keys.length ? await this.#deps.results.find(keys).catch(() => []) : [];
      const known = new Map(found.map(({ key, vector }) => [key, vector]));
      for (const wanted of part) {
        const vector = known.get(wanted.key ?? "");
        if (vector) this.#settle(wanted, new Float32Array(vector.slice().buffer), true);
        else this.#wanted.push(wanted);
      }
      this.#pump();
    }
  }

  #pump(): void {
    while (this.#wanted.length > 0 && this.#making.size < MAX_IN_FLIGHT) {
      const batch = this.#nextBatch();
      const making = this.#make(batch)
        .catch((error: unknown) => batch.forEach((wanted) => void wanted.reject(error)))
        .finally(() => {
          this.#making.delete(making);
          this.#pump();
        });
      this.#making.add(making);
    }
  }

  /** The longest waiting and all that is like it, as much as one request takes. */
  #nextBatch(): Wanted[] {
    const [first] = this.#wanted as [Wanted];
    const texts = first.model.kind === "http" ? first.model.batch : MAX_TEXTS;
    const most = first.kind === "text" ? texts : MAX_ITEMS;
    const batch = new Set<Wanted>();
    // Of what one request takes.
    let share = 0;
    for (const wanted of this.#wanted) {
      if (wanted.kind !== first.kind || wanted.name !== first.name) continue;
      share += shareOf(wanted.input);
      if (batch.size >= most || (batch.size > 0 && share > 1)) break;
      batch.add(wanted);
    }
    this.#wanted = this.#wanted.filter((wanted) => !batch.has(wanted));
    return [...batch];
  }

  async #make(batch: Wanted[]): Promise<void> {
    const made: StoredResult[] = [];
    const done = (
      at: number,
      values: Float32Array,
      version?: { etag?: string | undefined; size: number },
    ) => {
      const wanted = batch[at];
      if (!wanted) return;
      const { key, input } = wanted;
      const seen = "url" in input ? this.#opened.get(input.url) : undefined;
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
      if (key !== undefined && (!seen || isSame(seen, version))) made.push({ key, vector: bytes });
      this.#settle(wanted, values, false);
    };
    const failed = (at: number, error: unknown) => {
      this.#deps.counts.asked += 1;
      batch[at]?.reject(error);
    };
    try {
      await this.#compute(batch, done, failed);
    } finally {
      if (made.length > 0) await this.#deps.results.keep(made).catch(() => {});
    }
  }

  async #compute(
    batch: Wanted[],
    done: (at: number, values: Float32Array, version?: { etag?: string | undefined; size: number }) => void,
    failed: (at: number, error: unknown) => void,
  ): Promise<void> {
    const { compute, endpoint } = this.#deps;
    const [{ kind, name, model, recipe }] = batch as [Wanted];
    const items = batch.map(({ input }) => input);
    if (model.kind === "http") return askEndpoint(endpoint, compute, model, kind, items, { done, failed });
    await compute.embed({ kind, model: name, definition: recipe.definition }, items, (at, line) => {
      if ("error" in line) failed(at, new FailureError(line.error));
      else done(at, new Float32Array(bytesOf(line.embedding).buffer), line.version);
    });
  }

  #settle({ name, model, recipe, input, resolve }: Wanted, values: Float32Array, isKnown: boolean): void {
    this.#deps.counts.asked += 1;
    if (isKnown) this.#deps.counts.known += 1;
    const span = "span" in input && input.span;
    resolve(remember(values, { model: ranAs(name, model), recipe, ...(span && { span }) }));
  }
}

/** Of the work that one request takes. A whole film, whose length is not known, is all of it. */
function shareOf(input: Input): number {
  if ("text" in input) return input.text.length / MAX_CHARACTERS;
  return input.span ? (input.span.end - input.span.start) / MAX_SECONDS : 0;
}

function checkText(text: unknown): void {
  const said = typeof text === "string" ? `${text.length} characters` : `a ${typeof text}`;
  if (typeof text === "string" && text.length > 0 && text.length <= MAX_TEXT) return;
  const expected = `1 to ${MAX_TEXT} characters`;
  throw new FailureError({
    kind: "invalid",
    detail: `embed.text was given ${said}`,
    where: "embed.text",
    expected,
  });
}
