// A question as the index takes it: its words, and a vector for each space that one can be had in. Words and pictures are
// embedded by the pipelines that write the collection, which have the models and their secrets; an item's own vectors
// come from the index. search.ts asks with the result.
import type { PipelineRpc } from "../dispatch/dispatch.ts";
import type { Env } from "../env.ts";
import { type Failure, FailureError, type FailureKind, notFound } from "../shapes/failure.ts";
import { sha256Hex } from "../shapes/hash.ts";
import { logWarning } from "../shapes/log.ts";
import type { MissingVector, QuestionSubject, VectorAnswer } from "../shapes/question.ts";
import { type SearchRequest, type Space, spaceId, spacePath } from "../shapes/search.ts";
import type { SearchIndex, SpaceVector } from "../store/index/contract.ts";
import { pictureUrl } from "./question-picture.ts";

export interface PosedQuestion {
  text?: string | undefined;
  /** Absent where no vector is to be asked. */
  vectors?: SpaceVector[] | undefined;
  /** Spaces without a vector, and why. */
  missing: MissingVector[];
  /** Spaces that the collection had when the question was given its vectors; absent where others are not asked. */
  known?: ReadonlySet<string> | undefined;
  /** The item that the question begins with. */
  origin?: string | undefined;
}

interface PoseDeps {
  name: string;
  index: SearchIndex;
  /** Pipelines that write the collection: they are asked in turn. */
  aliases: readonly string[];
  /** Marks of the spaces that a further page asks. */
  only: ReadonlySet<string> | undefined;
  env: Env;
  now(): number;
}

/** A question in words has its answer by words at once: its vectors must be as quick. */
const HYBRID_PATIENCE_MS = 1_000;
/** A question that only vectors can answer waits for a model that is being loaded. */
const VECTOR_PATIENCE_MS = 20_000;
/** Beyond its patience, a pipeline's Worker is not waited for. */
const RPC_MS = 500;

/** A short name of a space, for cursors. */
export const spaceMark = (space: Space): string => sha256Hex(spaceId(space)).slice(0, 12);

/** @throws FailureError where the question is none, or nothing could be asked */
export async function poseQuestion(request: SearchRequest, deps: PoseDeps): Promise<PosedQuestion> {
  const { text, image, like, vector, mode } = request;
  const subjects = Object.entries({ text, image, like, vector }).filter(([, value]) => value !== undefined);
  if (subjects.length > 1) {
    const names = subjects.map(([name]) => name).join(" and ");
    throw invalid(`a question has one subject, not ${names}`, "one of text, image, like and vector");
  }
  if (subjects.length === 0) return { missing: [] };
  if (mode === "text" && text === undefined)
    throw invalid("only words can be asked by text", "mode hybrid or vector");
  if (mode === "text") return { text, missing: [] };
  if (like) return poseLike(like, request, deps);
  const spaces = await spacesOf(request, deps);
  // A further page asks what the first one did.
  const known = deps.only ? {} : { known: new Set(spaces.map(spaceId)) };
  if (vector) return poseVector(vector, request, spaces);
  if (image) {
    const url = await pictureUrl(image, deps);
    return { ...known, ...required(await embed({ url }, spaces, VECTOR_PATIENCE_MS, deps)) };
  }
  const subject = { text: text ?? "" };
  // A further page has the order of the one before, or none.
  if (mode === "vector" || deps.only?.size) {
    const posed = required(await embed(subject, spaces, VECTOR_PATIENCE_MS, deps));
    return mode === "vector" ? { ...known, ...posed } : { text, ...known, ...posed };
  }
  return { text, ...known, ...(await embed(subject, spaces, HYBRID_PATIENCE_MS, deps)) };
}

/** Spaces of the collection at the path that is asked, all paths where none is. */
async function spacesOf({ path }: SearchRequest, { index, only }: PoseDeps): Promise<Space[]> {
  const all = (await index.spaces()).map(({ space }) => space);
  const named = path === undefined ? all : all.filter((space) => space.path === spacePath(path));
  if (path !== undefined && all.length > 0 && named.length === 0)
    throw invalid(
      `there are no vectors at ${path}`,
      [...new Set(all.map((space) => space.path))].join(", "),
      "path",
    );
  return only ? named.filter((space) => only.has(spaceMark(space))) : named;
}

/** A vector of the caller's own is of one space: nobody else can say of which, where several would do. */
function poseVector(vector: number[], { definition }: SearchRequest, spaces: Space[]): PosedQuestion {
  const fitting = spaces.filter(
    (space) =>
      space.dimensions === vector.length && (definition === undefined || space.definition === definition),
  );
  const [space, ...others] = fitting;
  // Of an index without vectors, nothing is found.
  if (!space && spaces.length === 0) return { vectors: [], missing: [] };
  if (!space) {
    const expected = spaces.map((one) => `${one.dimensions} numbers at ${one.path}`).join(", ");
    throw invalid(`no vectors here have ${vector.length} numbers`, expected, "vector");
  }
  if (others.length > 0) {
    const expected = fitting.map((one) => `${one.path} of definition ${one.definition}`).join(", ");
    throw invalid("the vector may be of several kinds here", `path or definition: ${expected}`, "vector");
  }
  const failure: Failure = { kind: "invalid", detail: "The question's vector is of another kind." };
  return {
    vectors: [{ space, values: Float32Array.from(vector) }],
    missing: spaces.filter((one) => one !== space).map((one) => ({ space: one, failure })),
  };
}

async function poseLike(
  like: NonNullable<SearchRequest["like"]>,
  { path }: SearchRequest,
  deps: PoseDeps,
): Promise<PosedQuestion> {
  const { second } = like;
  const item = "item" in like ? like.item : await itemAt(like.object, second, deps);
  const all = await deps.index.vectorsOf({ item, second });
  const vectors = path === undefined ? all : all.filter(({ space }) => space.path === spacePath(path));
  if (vectors.length > 0) return { vectors, missing: [], origin: item };
  if (all.length > 0)
    throw invalid(`the item has no vectors at ${path}`, all.map(({ space }) => space.path).join(), "path");
  throw notFound(`item ${item} with a vector in the index of ${deps.name}`, { where: "like" });
}

/** The item of an object at a second: the one whose span has it, else the first. */
async function itemAt(
  object: { connection?: string | undefined; bucket?: string | undefined; key: string },
  second: number | undefined,
  { index, name }: PoseDeps,
): Promise<string> {
  const items = await index.itemsOf(object);
  const at = second ?? 0;
  const found = items.find(({ span }) => span && span.start <= at && at < span.end) ?? items[0];
  if (found) return found.item;
  throw notFound(`item of ${object.key.slice(0, 200)} in the index of ${name}`, { where: "like.object" });
}

/** Asks the pipelines in turn for the vectors that are missing, as long as there is time. */
async function embed(
  subject: QuestionSubject,
  spaces: readonly Space[],
  patience_ms: number,
  { aliases, env, now }: PoseDeps,
): Promise<{ vectors: SpaceVector[]; missing: MissingVector[] }> {
  const until = now() + patience_ms;
  const vectors: SpaceVector[] = [];
  let missing: MissingVector[] = spaces.map((space) => ({ space, failure: NO_ANSWER }));
  for (const alias of aliases) {
    const left = until - now();
    if (missing.length === 0 || left <= 0) break;
    const question = { subject, spaces: missing.map(({ space }) => space), patience_ms: left };
    const asking = env.pipeline<PipelineRpc>(alias).embedQuestion(question);
    const answer = await within(asking, left + RPC_MS).catch((error: unknown): VectorAnswer => {
      logWarning("question.unembedded", { alias, error: String(error) });
      return { vectors: [], missing };
    });
    vectors.push(...answer.vectors);
    missing = answer.missing;
  }
  const order = new Map(spaces.map((space, place) => [spaceId(space), place]));
  const placeOf = ({ space }: SpaceVector) => order.get(spaceId(space)) ?? 0;
  return { vectors: vectors.sort((a, b) => placeOf(a) - placeOf(b)), missing };
}

const NO_ANSWER: Failure = {
  kind: "unavailable",
  detail: "The pipeline did not answer in time.",
  retry_after_seconds: 10,
};

/** The value, or an error after some time. */
async function within<T>(work: PromiseLike<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const PASSING: readonly FailureKind[] = ["unavailable", "overloaded", "timeout", "store_full"];

/**
 * A question that nothing but vectors can answer has at least one; so has each further page all that the first had. Where
 * waiting would help, the failure says how long.
 */
function required<T extends { vectors: SpaceVector[]; missing: MissingVector[] }>(posed: T): T {
  const { vectors, missing } = posed;
  if (vectors.length > 0 || missing.length === 0) return posed;
  const failures = missing.map(({ failure }) => failure);
  const passing = failures.filter(({ kind }) => PASSING.includes(kind));
  if (passing.length > 0) {
    const seconds = Math.max(...passing.map(({ retry_after_seconds = 10 }) => retry_after_seconds));
    throw new FailureError({
      kind: "unavailable",
      detail: `the question has no vector: ${passing[0]?.detail}`,
      retry_after_seconds: seconds,
      next: `ask again in ${seconds} s, or in words with the mode text`,
    });
  }
  const [first] = failures;
  const detail = [...new Set(failures.map((failure) => failure.detail))].join(" ");
  throw new FailureError({
    kind: first?.kind ?? "invalid",
    detail: `the question has no vector in this collection: ${detail}`,
    next: first?.next ?? "ask in words with the mode text or hybrid, or for more like an item",
  });
}

const invalid = (detail: string, expected: string, where = "body") =>
  new FailureError({ kind: "invalid", detail, where, expected });
