// Reads the hits of a page: the item, the second that matches, what each leg says, and the words where they stand.

import type { SetKey, SetLineage } from "../../src/shapes/item.ts";
import type { SearchHit } from "../../src/shapes/search.ts";
import { spaceId } from "../../src/shapes/search.ts";
import { parseItemId } from "../../src/store/collections/ids.ts";
import type { FusedHit, LegPlace } from "../../src/store/index/fuse.ts";
import type { ShardQuestion } from "../../src/store/index/shard.ts";
import { highlightsOf } from "./highlights.ts";
import { cosine, product, type QueryVector, queryVector } from "./query-vector.ts";
import { LIST_LEG, TEXT_LEG, type VectorPlace } from "./rank.ts";
import { secondOfWords } from "./said.ts";
import type { ShardStore } from "./store.ts";

/** The hits that are still there. */
export function readHits(store: ShardStore, hits: readonly FusedHit[], question: ShardQuestion): SearchHit[] {
  const queries = new Map(question.vectors.map(({ space, values }) => [spaceId(space), queryVector(values)]));
  return hits.flatMap((hit) => readHit(store, hit, question, queries) ?? []);
}

function readHit(
  store: ShardStore,
  { item, score, places }: FusedHit,
  question: ShardQuestion,
  queries: ReadonlyMap<string, QueryVector>,
): SearchHit | undefined {
  const found = docOf(store, item);
  if (!found) return undefined;
  const { doc, id, head, data, span } = found;
  const { alias, connection, bucket, key } = head.set;
  const byVector = places
    .filter(({ leg }) => leg !== TEXT_LEG && leg !== LIST_LEG)
    .sort((a, b) => a.rank - b.rank)[0];
  const text = places.find(({ leg }) => leg === TEXT_LEG);
  const query = byVector && queries.get(byVector.leg);
  const parts = byVector && query && partsOf(store, id, doc, byVector.leg, query);
  const hit: SearchHit = {
    item,
    object: {
      connection,
      bucket,
      key,
      etag: head.lineage.etag,
      content_type: head.lineage.content_type ?? null,
    },
    pipeline: alias,
    version: head.lineage.version,
    position: found.position,
    data,
    span,
    second: parts?.second ?? saidAt(data, text && question.text) ?? span?.start ?? null,
    score,
    highlights: question.text === undefined ? [] : highlightsOf(data, question.text),
    stored_at: head.lineage.stored_at,
  };
  if (byVector) hit.vector = placeOf(byVector, question.explain ? parts : undefined);
  if (text) hit.text = { score: text.score, rank: text.rank };
  return hit;
}

const saidAt = (data: Record<string, unknown>, words: string | undefined) =>
  words === undefined ? undefined : secondOfWords(data, words);

function placeOf({ leg, score, rank }: LegPlace, parts: ReturnType<typeof partsOf> | undefined): VectorPlace {
  const [path, model] = JSON.parse(leg) as [string, string | null];
  return {
    ...{ score, rank, path, model },
    ...(parts?.mean !== undefined && { mean: parts.mean }),
    ...(parts?.frame !== undefined && { frame: parts.frame }),
  };
}

/** The similarity of an item's own vector and of its best frame, and that frame's second. */
function partsOf(store: ShardStore, set: number, doc: number, space: string, query: QueryVector) {
  const best: { mean?: number; frame?: number; second?: number } = {};
  for (const row of store.memory().vectors.ofDoc(set, doc)) {
    if (spaceId(row.space) !== space) continue;
    const similarity = cosine(product(query.values, row.values), query, row.squares);
    if (Number.isNaN(row.second)) best.mean = Math.max(best.mean ?? -1, similarity);
    else if (similarity > (best.frame ?? Number.NEGATIVE_INFINITY)) {
      best.frame = similarity;
      best.second = row.second;
    }
  }
  return best;
}

/** An item by its id, as the shard has it. */
export function docOf(store: ShardStore, item: string) {
  const place = parseItemId(item);
  const row = place ? store.set(place.set) : undefined;
  const doc = row && place ? new Uint32Array(row.docs)[place.position] : undefined;
  if (!place || !row || doc === undefined) return undefined;
  const [stored] = store.sql.exec<{ span: string | null; data: string }>(
    "SELECT span, data FROM docs WHERE id = ?",
    doc,
  );
  if (!stored) return undefined;
  return {
    doc,
    id: row.id,
    position: place.position,
    head: JSON.parse(row.head) as { set: SetKey; lineage: SetLineage },
    data: JSON.parse(stored.data) as Record<string, unknown>,
    span: stored.span === null ? null : (JSON.parse(stored.span) as { start: number; end: number }),
  };
}
