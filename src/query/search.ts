// A question to a collection and its answer, the spine of searching:
//   open the index → pose the question (question.ts) → ask all shards → give each hit its links (hit-links.ts).
// A question never fails because the index is empty, being built, or cannot be asked in every way: the answer says so.
import type { Pipelines } from "../dispatch/pipelines.ts";
import type { Env } from "../env.ts";
import { canonical } from "../shapes/canonical.ts";
import type { Connections } from "../shapes/connection.ts";
import { FailureError } from "../shapes/failure.ts";
import { sha256Hex } from "../shapes/hash.ts";
import { BUILTINS, MEANING_NEXT } from "../shapes/model.ts";
import type { MissingVector } from "../shapes/question.ts";
import { type SearchAnswer, type SearchRequest, type Space, spaceId, spacePath } from "../shapes/search.ts";
import type { IndexQuery, SearchIndex } from "../store/index/contract.ts";
import { openIndex } from "../store/index/open.ts";
import { writersOf } from "./collections.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { type LinkedHit, linkHits } from "./hit-links.ts";
import { checkFilter } from "./item-filter.ts";
import { type PosedQuestion, poseQuestion, spaceMark } from "./question.ts";

export interface SearchDeps {
  env: Env;
  connections: Connections;
  pipelines: Pipelines;
  now(): number;
}

/** Why and how a hit was found, beside what each hit says. */
interface Explanation {
  spaces: (Space & { vectors: number; compared: boolean; why?: string })[];
  /** Milliseconds until the question had its vectors, and until the index had answered. */
  ms: { vectors: number; index: number };
}

export interface CollectionAnswer extends Omit<SearchAnswer, "hits" | "left_out"> {
  hits: LinkedHit[];
  left_out: { items: number; spaces: (Space & { why: string })[] };
  /** What whoever reads the answer should know of it. */
  notes: string[];
  explain?: Explanation;
}

/**
 * Answers `POST /v1/collections/{name}/search`.
 *
 * @throws FailureError `not_found`, `invalid`; `unavailable` with how long, for a question that only a model can ask
 */
export async function searchCollection(
  name: string,
  request: SearchRequest,
  deps: SearchDeps,
): Promise<CollectionAnswer> {
  const began = deps.now();
  const { index, aliases } = openSearched(name, deps);
  if (request.filter) checkFilter(request.filter);
  const list = listOf(name, request);
  const place = decodeCursor(list, request.cursor, 2);
  // A page is of the same order as the one before: it asks the same spaces.
  const only = place && new Set(String(place[1]).split(",").filter(Boolean));
  const asking = () => poseQuestion(request, { name, index, aliases, only, ...deps });
  const querying = (posed: PosedQuestion) =>
    index.query({ ...queryOf(request, posed), ...(place && { after: String(place[0]) }) });
  let posed = await asking();
  let posedAt = deps.now();
  let answer = await querying(posed);
  // While objects are given another model, its space may come to be after the question had its vectors.
  for (let again = 0; again < MAX_POSED_AGAIN && lacksSpace(posed, request, answer.left_out); again++) {
    posed = await asking();
    posedAt = deps.now();
    answer = await querying(posed);
  }
  const indexAt = deps.now();
  const { hits, next, left_out, ...state } = answer;
  const marks = (posed.vectors ?? []).map(({ space }) => spaceMark(space)).join();
  return {
    ...state,
    hits: await linkHits(name, hits, deps),
    ...(next !== undefined && { next: encodeCursor(list, [next, marks]) }),
    left_out: {
      items: left_out.items,
      spaces: left_out.spaces.map((space) => whyLeft(space, posed.missing)),
    },
    notes: notesOn([...(posed.vectors ?? []).map(({ space }) => space), ...left_out.spaces]),
    ...(request.explain && {
      explain: {
        spaces: await explainSpaces(index, posed),
        ms: { vectors: posedAt - began, index: indexAt - posedAt },
      },
    }),
  };
}

/** How often a question gets vectors anew for spaces that came to be meanwhile. */
const MAX_POSED_AGAIN = 2;

/** Whether the index has a space that the question might have been asked in, had it been there. */
const lacksSpace = ({ known }: PosedQuestion, { path }: SearchRequest, { spaces }: { spaces: Space[] }) =>
  known !== undefined &&
  spaces.some(
    (space) => !known.has(spaceId(space)) && (path === undefined || space.path === spacePath(path)),
  );

/** The index of a collection, and the pipelines that write it. @throws FailureError where it has none */
export function openSearched(name: string, { pipelines, env }: Pick<SearchDeps, "pipelines" | "env">) {
  const writers = writersOf(name, pipelines);
  const index = openIndex(writers[0].config.destination, env);
  if (index) return { index, aliases: writers.map(({ alias }) => alias) };
  throw new FailureError({
    kind: "invalid",
    detail: `the collection ${name} is not searched`,
    where: "name",
    next: 'take `"enabled": false` out of "search" in the destination of its pipelines, deploy, and run weir reindex',
  });
}

/** The name of a question's pages: what decides their order, and nothing else. */
function listOf(name: string, { cursor: _, limit: __, explain: ___, ...question }: SearchRequest): string {
  return `search ${name} ${sha256Hex(canonical(question)).slice(0, 32)}`;
}

function queryOf(
  { filter, group, limit, min_score, explain }: SearchRequest,
  posed: PosedQuestion,
): IndexQuery {
  const { text, vectors, origin } = posed;
  // What a question begins with is no answer to it.
  const apart =
    origin === undefined || filter?.id !== undefined ? {} : { id: [{ "anything-but": [origin] }] };
  const whole = { ...filter, ...apart };
  return {
    ...{ text, vectors, group, limit, min_score, explain },
    filter: Object.keys(whole).length > 0 ? whole : undefined,
  };
}

function whyLeft(space: Space, missing: readonly MissingVector[]) {
  const found = missing.find((other) => spaceId(other.space) === spaceId(space));
  return { ...space, why: found?.failure.detail ?? "The question names another path." };
}

/** Says where all vectors are by models that know nothing of meaning. */
function notesOn(spaces: readonly Space[]): string[] {
  const makers = [...new Set(spaces.flatMap(({ model }) => model ?? []))];
  if (makers.length === 0 || !makers.every((maker) => Object.hasOwn(BUILTINS, maker))) return [];
  const verb = makers.length === 1 ? "compares" : "compare";
  return [`${makers.join(" and ")} ${verb} how pictures look, not what they mean. ${MEANING_NEXT}`];
}

async function explainSpaces(index: SearchIndex, { vectors = [], missing }: PosedQuestion) {
  const posed = new Set(vectors.map(({ space }) => spaceId(space)));
  return (await index.spaces()).map(({ space, vectors: count }) => {
    const isCompared = posed.has(spaceId(space));
    return { ...(isCompared ? space : whyLeft(space, missing)), vectors: count, compared: isCompared };
  });
}
