// Vectors of a question that somebody asks a collection: by the models that this pipeline may use, for the spaces that
// they made. The definition of a model decides, not its name: a vector of another definition is never compared. Texts are
// kept with the other embeddings, so that a question that is asked twice is computed once.
import { type Failure, FailureError } from "../../src/shapes/failure.ts";
import { sha256Hex } from "../../src/shapes/hash.ts";
import { definitionOf, type Modality, type Models, takenBy } from "../../src/shapes/model.ts";
import type { QuestionSubject, VectorAnswer, VectorQuestion } from "../../src/shapes/question.ts";
import type { Space } from "../../src/shapes/search.ts";
import { openWeir, type WeirDeps } from "./weir.ts";

/** When to ask again where compute gives no time: about what a cold container takes, seconds. */
const COLD_SECONDS = 20;

/**
 * Computes a question's vector in each space that can be. Never throws for a space: what could not be is listed. What is
 * computed is kept after the answer: `later` takes that work.
 */
export async function embedQuestion(
  { subject, spaces, patience_ms }: VectorQuestion,
  deps: WeirDeps,
  later: (work: Promise<unknown>) => void,
): Promise<VectorAnswer> {
  const signal = AbortSignal.timeout(patience_ms);
  const opened = openWeir(deps, setOf(subject), undefined, signal, { asked: 0, known: 0 });
  const modality: Modality = "text" in subject ? "text" : "image";
  if ("url" in subject) opened.compute.vouch(subject.url);
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => void reject(new FailureError(tooLate(patience_ms))));
  });
  const answer: VectorAnswer = { vectors: [], missing: [] };
  await Promise.all(
    spaces.map(async (space) => {
      try {
        const name = await modelOf(space, modality, deps);
        const { embed } = opened.weir;
        const making =
          "text" in subject ? opened.questionVector(subject.text, name) : embed.image(subject.url, name);
        // What comes too late is kept all the same, for the next time.
        later(making.then(opened.settled).catch(() => undefined));
        answer.vectors.push({ space, values: await Promise.race([making, late]) });
      } catch (error) {
        answer.missing.push({ space, failure: failureOf(error) });
      }
    }),
  );
  return answer;
}

/** In an object's place: questions with the same words go to the same store of kept embeddings. */
function setOf(subject: QuestionSubject) {
  const words = "text" in subject ? subject.text : subject.url;
  return { alias: "", connection: "", bucket: "(questions)", key: sha256Hex(words) };
}

/** The name of a model that may be used here and made the vectors of a space. @throws FailureError where none did */
async function modelOf(space: Space, modality: Modality, { models, config }: WeirDeps): Promise<string> {
  const { definition, model: maker } = space;
  if (definition === null) {
    const next = "Ask with a vector of its own, or for more like an item.";
    throw cannot(`Handlers bring the vectors at ${space.path}: Weir has no model of them.`, next);
  }
  const named = await namesOf(definition, models);
  const [some] = named;
  const model = some === undefined ? undefined : models[some];
  if (!model)
    throw cannot(`${maker} is no longer a model of models.json as it was when it made ${space.path}.`);
  const takes = takenBy(model);
  if (!takes.includes(modality)) throw cannot(`${maker} takes ${takes.join(" and ")}, no ${modality}.`);
  const name = named.find((other) => config.models?.includes(other) ?? true);
  if (name === undefined) throw cannot(`The pipeline ${config.alias} may not use ${named.join(", ")}.`);
  return name;
}

/** Names of the models with a definition. */
async function namesOf(definition: string, models: Models): Promise<string[]> {
  const names: string[] = [];
  for (const [name, model] of Object.entries(models))
    if ((await definitionOf(model)) === definition) names.push(name);
  return names;
}

const cannot = (detail: string, next?: string) =>
  new FailureError({ kind: "unknown_model", detail, ...(next !== undefined && { next }) });

/** A failure as it travels; what is not an expected one is a wait that was cut off. */
export const failureOf = (error: unknown): Failure =>
  error instanceof FailureError
    ? error.failure
    : { kind: "unavailable", detail: "Compute did not answer in time.", retry_after_seconds: COLD_SECONDS };

const tooLate = (ms: number): Failure => ({
  kind: "unavailable",
  detail: `The model did not answer within ${ms / 1000} s.`,
  retry_after_seconds: COLD_SECONDS,
});
