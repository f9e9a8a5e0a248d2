// Ranks what passes a question's filter: one list by words, one for each space that the question has a vector in. Without
// either, items in the order of their ids.
import type { SearchHit, Space } from "../../src/shapes/search.ts";
import { spaceId } from "../../src/shapes/search.ts";
import { itemId, parseItemId } from "../../src/store/collections/ids.ts";
import type { RankedLeg } from "../../src/store/index/fuse.ts";
import type { ShardQuestion } from "../../src/store/index/shard.ts";
import { matchOf } from "../../src/store/index/words.ts";
import { WEIGHTS } from "./schema.ts";
import type { DocMask } from "./space.ts";
import type { ShardMemory, ShardStore } from "./store.ts";
import { BestScores, type ScoredDoc } from "./top.ts";

/** Leg of words, and of a listing. */
export const TEXT_LEG = "text";
export const LIST_LEG = "list";

/** The legs of a question. */
export function rankLegs(store: ShardStore, question: ShardQuestion, mask: DocMask | undefined): RankedLeg[] {
  const memory = store.memory();
  const { text, vectors } = question;
  if (text === undefined && vectors.length === 0) return [listed(store, question, mask)];
  const byWords = text === undefined ? [] : [rankWords(store, text, question, mask)];
  return [
    ...vectors.map(({ space, values }) => rankSpace(memory, space, values, question, mask)),
    ...byWords,
  ];
}

function rankSpace(
  { catalog, vectors }: ShardMemory,
  space: Space,
  values: Float32Array,
  { byObject, ranked, min_score = -1 }: ShardQuestion,
  mask: DocMask | undefined,
): RankedLeg {
  const best = new BestScores(catalog.docs);
  const rows = vectors.rows(space);
  rows?.score(values, mask, vectors.wholeRows, (doc, score) => {
    if (score >= min_score) best.offer(doc, score);
  });
  return legOf(spaceId(space), best.best(ranked, byObject ? catalog.objectOf : undefined), catalog);
}

/**
 * SQLite ranks; what the mask hides is passed over. It is asked for about as many as will be enough, since the best of all
 * are found faster than all are sorted, and for all where those were too few.
 */
function rankWords(
  store: ShardStore,
  text: string,
  question: ShardQuestion,
  mask: DocMask | undefined,
): RankedLeg {
  const { catalog } = store.memory();
  const match = matchOf(text);
  const limit = likelyRows(question, catalog, mask);
  let found: ScoredDoc[] = [];
  if (match !== undefined) {
    const some = bestByWords(store, match, limit, question, mask);
    const isEnough = some.found.length >= question.ranked || some.rows < limit;
    found = isEnough ? some.found : bestByWords(store, match, catalog.docs, question, mask).found;
  }
  return legOf(TEXT_LEG, found, catalog);
}

/** Rows that are likely to hold a ranking's: more where a mask hides many, or many are of one object. */
function likelyRows(
  { ranked, byObject }: ShardQuestion,
  catalog: ShardMemory["catalog"],
  mask: DocMask | undefined,
): number {
  const all = catalog.docs;
  if (!mask) return byObject ? SPARE * ranked : ranked + SPARE;
  let passing = 0;
  for (const doc of catalog.live()) if (mask(doc)) passing++;
  const likely = (SPARE * ranked * catalog.liveDocs) / Math.max(1, passing);
  return likely > all / SPARE ? all : Math.ceil(likely);
}

/** Times as many rows as are likely; rows of sets that are still arriving are passed over, too. */
const SPARE = 4;

function bestByWords(
  store: ShardStore,
  match: string,
  limit: number,
  { byObject, ranked }: ShardQuestion,
  mask: DocMask | undefined,
): { found: ScoredDoc[]; rows: number } {
  const { catalog } = store.memory();
  const found: ScoredDoc[] = [];
  const objects = new Set<number>();
  let rows = 0;
  for (const [doc, score] of store.sql.exec(WORDS, match, limit).raw<[number, number]>()) {
    rows++;
    if (!catalog.isLive(doc) || (mask && !mask(doc))) continue;
    const object = catalog.objectOf(doc);
    if (byObject && objects.has(object)) continue;
    objects.add(object);
    // SQLite's is the smaller the better.
    if (found.push({ doc, score: -score }) >= ranked) break;
  }
  return { found, rows };
}

const WORDS = `SELECT rowid, bm25(words, ${WEIGHTS}) AS score FROM words WHERE words MATCH ? ORDER BY score, rowid LIMIT ?`;

function legOf(leg: string, found: ScoredDoc[], catalog: ShardMemory["catalog"]): RankedLeg {
  return {
    leg,
    items: found.map(({ doc }) => catalog.itemOf(doc)),
    objects: found.map(({ doc }) => catalog.objectOf(doc)),
    scores: found.map(({ score }) => score),
  };
}

function listed(
  store: ShardStore,
  { listAfter, ranked, byObject }: ShardQuestion,
  mask: DocMask | undefined,
): RankedLeg {
  const leg: RankedLeg = { leg: LIST_LEG, items: [], objects: [], scores: [] };
  const from = listAfter === undefined ? undefined : parseItemId(listAfter);
  const rows = store.sql.exec<{ name: string; object: number; docs: ArrayBuffer }>(LIST, from?.set ?? "");
  for (const { name, object, docs } of rows) {
    for (const [position, doc] of new Uint32Array(docs).entries()) {
      if (from && name === from.set && position <= from.position) continue;
      if (mask && !mask(doc)) continue;
      leg.items.push(itemId(name, position));
      leg.objects.push(object);
      leg.scores.push(0);
      if (leg.items.length >= ranked) return leg;
      if (byObject) break;
    }
  }
  return leg;
}

const LIST = "SELECT name, object, docs FROM sets WHERE name >= ? AND name < '~' AND items > 0 ORDER BY name";

/** Items that pass and have vectors, but none in the spaces of the question. */
export function leftOut(
  { catalog, vectors }: ShardMemory,
  posed: readonly Space[],
  mask: DocMask | undefined,
) {
  const ids = new Set(posed.map(spaceId));
  const spaces = vectors.spaces().filter(({ space }) => !ids.has(spaceId(space)));
  if (spaces.length === 0) return { items: 0, spaces: [] };
  const reached = new Uint8Array(catalog.docs);
  const reach = (doc: number) => {
    reached[doc] = 1;
  };
  for (const space of posed) vectors.rows(space)?.eachDoc(reach);
  let items = 0;
  for (const { space } of spaces)
    vectors.rows(space)?.eachDoc((doc) => {
      if (reached[doc] || (mask && !mask(doc))) return;
      reach(doc);
      items++;
    });
  return { items, spaces: spaces.map(({ space }) => space) };
}

/** Shape of a hit's vector leg. */
export type VectorPlace = NonNullable<SearchHit["vector"]>;
