// Many ranked lists as one: the lists of shards are merged leg by leg, the legs fused by reciprocal rank, and a page
// cut out of the result. Pure, and the same for one shard as for many.

/** Constant of reciprocal rank fusion: how much more the first places count than those after them. */
const RRF_K = 60;

/** One leg's ranking, best first: of words, or of one space. */
export interface RankedLeg {
  /** `text`, or the id of a space. */
  leg: string;
  items: string[];
  /** Number of each item's object. */
  objects: number[];
  scores: number[];
}

/** A hit's place in one leg. */
export interface LegPlace {
  leg: string;
  score: number;
  rank: number;
}

export interface FusedHit {
  item: string;
  object: number;
  score: number;
  places: LegPlace[];
}

export interface FusedPage {
  hits: FusedHit[];
  /** Where the next page begins. */
  next?: string;
}

/**
 * Merges one leg's rankings of all shards, equal scores by the item's id: a shard has them in the order of writing. An
 * item that two shards have (while sets move) counts once.
 */
export function mergeLeg(parts: readonly RankedLeg[], byObject: boolean): RankedLeg {
  const merged: RankedLeg = { leg: parts[0]?.leg ?? "", items: [], objects: [], scores: [] };
  const entries = parts.flatMap(({ items, objects, scores }) =>
    items.map((item, i) => ({ item, object: objects[i] ?? 0, score: scores[i] ?? 0 })),
  );
  entries.sort(byScore);
  const seen = new Set<string | number>();
  for (const { item, object, score } of entries) {
    const name = byObject ? object : item;
    if (seen.has(name)) continue;
    seen.add(name);
    merged.items.push(item);
    merged.objects.push(object);
    merged.scores.push(score);
  }
  return merged;
}

/**
 * Fuses legs into one order: best first, equal scores by the item's id. By objects, each leg's best item of an object
 * stands for it, and the first leg's is shown. One leg alone keeps its own scores.
 */
export function fuseLegs(legs: readonly RankedLeg[], byObject: boolean): FusedHit[] {
  const hits = new Map<string | number, FusedHit>();
  const alone = legs.length === 1;
  for (const { leg, items, objects, scores } of legs) {
    items.forEach((item, i) => {
      const object = objects[i] ?? 0;
      const name = byObject ? object : item;
      const hit = hits.get(name) ?? { item, object, score: 0, places: [] };
      hits.set(name, hit);
      const score = scores[i] ?? 0;
      hit.score += alone ? score : 1 / (RRF_K + i + 1);
      hit.places.push({ leg, score, rank: i + 1 });
    });
  }
  return [...hits.values()].sort(byScore);
}

/** How legs become a page. */
export interface PageQuestion {
  byObject: boolean;
  /** Most entries of each leg. */
  ranked: number;
  /** Legs in the order in which they are fused. */
  names: readonly string[];
  limit: number;
  after?: PagePlace | undefined;
}

/** The page of a question, out of the legs of all shards that answered. */
export function fusePage(all: readonly RankedLeg[], question: PageQuestion): FusedPage {
  const { byObject, ranked, names, limit, after } = question;
  const legs = Map.groupBy(all, ({ leg }) => leg);
  const merged = names.flatMap((name) => {
    const parts = legs.get(name);
    return parts ? [cut(mergeLeg(parts, byObject), ranked)] : [];
  });
  return pageOf(fuseLegs(merged, byObject), limit, after);
}

function cut(leg: RankedLeg, length: number): RankedLeg {
  if (leg.items.length <= length) return leg;
  const { items, objects, scores } = leg;
  return {
    ...leg,
    items: items.slice(0, length),
    objects: objects.slice(0, length),
    scores: scores.slice(0, length),
  };
}

/** Cuts a page out of all hits, after the place that the page before ended at. */
export function pageOf(all: readonly FusedHit[], limit: number, after: PagePlace | undefined): FusedPage {
  const from = after ? all.findIndex((hit) => byScore(hit, after) > 0) : 0;
  const hits = from < 0 ? [] : all.slice(from, from + limit);
  const last = hits.at(-1);
  return last && from + limit < all.length
    ? { hits, next: JSON.stringify([last.score, last.item]) }
    : { hits };
}

/** Where a page ended. */
export interface PagePlace {
  score: number;
  item: string;
}

/** The place that a page's `next` names; undefined for a text that names none. */
export function placeOf(next: string): PagePlace | undefined {
  try {
    const [score, item] = JSON.parse(next) as unknown[];
    return typeof score === "number" && typeof item === "string" ? { score, item } : undefined;
  } catch {
    return undefined;
  }
}

/** Best first; equal scores in order of set and position, as everywhere. */
export const byScore = (a: PagePlace, b: PagePlace): number =>
  b.score - a.score || compareItems(a.item, b.item);

/** Characters of an item's id before its position. */
const SET_CHARS = "itm_".length + 33;

/** Order of items' ids: by set, then by position. */
export function compareItems(a: string, b: string): number {
  // Of one length, both parts compare as texts do.
  if (a.length === b.length) return a < b ? -1 : a > b ? 1 : 0;
  const [setA, setB] = [a.slice(0, SET_CHARS), b.slice(0, SET_CHARS)];
  if (setA !== setB) return setA < setB ? -1 : 1;
  return Number(a.slice(SET_CHARS)) - Number(b.slice(SET_CHARS));
}
