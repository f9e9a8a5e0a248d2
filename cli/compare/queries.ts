// Golden queries of a comparison: each is put to the compared objects' items of before and of this tree, and what comes
// later than it did, or no more, is listed. Words are weighed by the same objects on both sides; vectors of before are
// compared by the running Weir, which has the models that made them.
import { type SearchRequest, WeirError } from "../../src/client/client.ts";
import { setId } from "../../src/store/collections/ids.ts";
import { fuseLegs } from "../../src/store/index/fuse.ts";
import type { ShadowHits } from "../../workers/pipeline/shadow-search.ts";
import type { Client } from "../operate/client.ts";
import { type ExpectedHit, type GoldenQuery, isPictureName, nameOfQuery } from "../project/queries.ts";
import { isMet, type JudgedHit } from "../search/measures.ts";
import { likeOf } from "../search/question.ts";
import type { ProducedObject } from "./sample.ts";
import type { Shadow } from "./shadow.ts";

const LIMIT = 100;

/** An expected hit that comes later than before. Ranks are from 1; null: it no longer comes. */
export interface FallenQuery {
  query: string;
  expected: string;
  before: number;
  after: number | null;
}

export interface QueriesReport {
  collection: string;
  /** Queries that were asked of both sides. */
  compared: number;
  /** Queries that were not, and why. */
  left_out: { query: string; why: string }[];
  fallen: FallenQuery[];
}

/** What is asked, of which objects. */
export interface QueryComparison {
  client: Client;
  shadow: Shadow;
  collection: string;
  alias: string;
  queries: readonly GoldenQuery[];
  /** Objects whose items both sides have. */
  objects: readonly ProducedObject["object"][];
}

/** The objects that queries begin with or expect, of those that have items. */
export function objectsOfQueries(
  queries: readonly GoldenQuery[],
  all: readonly ProducedObject[],
  alias: string,
): ProducedObject[] {
  const keys = new Set<string>();
  const sets = new Set<string>();
  const name = (item: string) => void sets.add(item.split("_")[1] ?? "");
  for (const { like, expect } of queries) {
    if (like !== undefined) {
      const begun = beginningOf(like);
      if (begun && "item" in begun) name(begun.item);
      else if (begun) keys.add(begun.object.key);
    }
    for (const one of expect)
      if ("item" in one) name(one.item);
      else keys.add(one.key);
  }
  return all.filter(
    ({ object: { connection, bucket, key } }) =>
      keys.has(key) || (sets.size > 0 && sets.has(setId({ alias, connection, bucket, key }))),
  );
}

const beginningOf = (like: string): SearchRequest["like"] =>
  isPictureName(like) || /^https?:/.test(like) ? undefined : likeOf(like).like;

/** Asks all queries of both sides. */
export async function compareQueries(comparison: QueryComparison): Promise<QueriesReport> {
  const { collection, queries } = comparison;
  const report: QueriesReport = { collection, compared: 0, left_out: [], fallen: [] };
  for (const query of queries) {
    const name = nameOfQuery(query);
    const sides = await askBoth(query, comparison);
    if ("why" in sides) {
      report.left_out.push({ query: name, why: sides.why });
      continue;
    }
    report.compared++;
    report.fallen.push(...fallenOf(query, sides));
  }
  return report;
}

interface BothSides {
  before: JudgedHit[];
  after: JudgedHit[];
}

/** What comes later than before, or no more. */
export function fallenOf(query: GoldenQuery, { before, after }: BothSides): FallenQuery[] {
  return query.expect.flatMap((expected) => {
    const [was, is] = [rankOf(expected, before), rankOf(expected, after)];
    if (was === null || (is !== null && is <= was)) return [];
    return [{ query: nameOfQuery(query), expected: expectedName(expected), before: was, after: is }];
  });
}

function rankOf(expected: ExpectedHit, hits: readonly JudgedHit[]): number | null {
  const at = hits.findIndex((hit) => isMet(hit, expected));
  return at < 0 ? null : at + 1;
}

const expectedName = (expected: ExpectedHit) =>
  "item" in expected
    ? expected.item
    : `${expected.key}${expected.second === undefined ? "" : `@${expected.second}`}`;

async function askBoth(
  query: GoldenQuery,
  { client, shadow, collection, alias, objects }: QueryComparison,
): Promise<BothSides | { why: string }> {
  const { text, filter, mode = "hybrid" } = query;
  const like = query.like === undefined ? undefined : beginningOf(query.like);
  if (query.like !== undefined && !like) return { why: "A question by a picture is not compared." };
  const keys = [...new Set(objects.map(({ key }) => key))];
  if (!query.expect.some((one) => "item" in one || keys.includes(one.key)))
    return { why: "Nothing that it expects was compared." };
  const question = {
    mode,
    ...(text !== undefined && { text }),
    ...(like && { like }),
    ...(filter && { filter }),
  };
  const byVector =
    like || (text !== undefined && mode !== "text")
      ? await askByVector(client, collection, {
          ...{ ...question, mode: like ? ("hybrid" as const) : ("vector" as const), limit: LIMIT },
          // Two filters at once: the query's own, and the compared objects' items.
          filter: {
            ...(filter && Object.keys(filter).length > 0 && { $or: [filter] }),
            ...{ pipeline: [alias], "object.key": keys },
          },
        })
      : { hits: [] };
  if ("why" in byVector) return byVector;
  const words = like || mode === "vector" ? [] : await wordsOf(shadow, question);
  const answer = await shadow.search({ side: "after", question });
  if (answer.missing !== undefined && (like || mode === "vector"))
    return { after: [], before: byVector.hits };
  const lists = [byVector.hits, words].filter((list) => list.length > 0);
  return { before: fused(lists), after: answer.hits };
}

async function wordsOf(
  shadow: Shadow,
  question: Parameters<Shadow["search"]>[0]["question"],
): Promise<ShadowHits["hits"]> {
  return (await shadow.search({ side: "before", question: { ...question, mode: "text" } })).hits;
}

/** What a running Weir answers by vectors: nothing where no model of the collection takes the words. */
function askByVector(
  client: Client,
  collection: string,
  request: SearchRequest,
): Promise<{ hits: JudgedHit[] } | { why: string }> {
  return client.call(async (weir) => {
    try {
      return await weir.searchCollection(collection, request);
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      const isOfModels = request.text !== undefined && [400, 422].includes(error.status);
      return isOfModels ? { hits: [] } : { why: error.problem?.detail ?? error.message };
    }
  });
}

/** Lists as one, as the index fuses its own. */
function fused(lists: readonly (readonly JudgedHit[])[]): JudgedHit[] {
  const [only = [], ...others] = lists;
  if (others.length === 0) return [...only];
  const byItem = new Map(lists.flat().map((hit) => [hit.item, hit]));
  const legs = lists.map((hits, place) => ({
    leg: String(place),
    items: hits.map(({ item }) => item),
    objects: hits.map(() => 0),
    scores: hits.map(() => 0),
  }));
  return fuseLegs(legs, false).flatMap(({ item }) => byItem.get(item) ?? []);
}
