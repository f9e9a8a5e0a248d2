// What `weir compare` asks of the items of both versions: an index of what the shadow's runs have stored, and one of what was
// stored before, by words alone (its vectors are compared by the running Weir, which has the models that made them).

import type { Rpc } from "@cloudflare/workers-types";
import type { Env } from "../../src/env.ts";
import type { SetKey } from "../../src/shapes/item.ts";
import type { SearchHit, SearchRequest } from "../../src/shapes/search.ts";
import { IndexClient } from "../../src/store/index/client.ts";
import type { SearchIndex } from "../../src/store/index/contract.ts";
import type { IndexShard } from "../../src/store/index/shard.ts";
import { embedQuestion } from "./questions.ts";
import type { WeirDeps } from "./weir.ts";

/** A set as it was stored before, as far as words and filters go. */
export interface StoredBefore {
  set: SetKey;
  version: string;
  etag: string | null;
  size: number | null;
  stored_at: string;
  items: { data: unknown; span: { start: number; end: number } | null }[];
}

export interface ShadowQuestion {
  side: "before" | "after";
  question: Pick<SearchRequest, "text" | "like" | "filter"> & { mode: SearchRequest["mode"] };
}

/** Hits, or why the question has no vector on this side. */
export interface ShadowHits {
  hits: Pick<SearchHit, "item" | "object" | "second" | "span">[];
  missing?: string;
}

/** A model may have to be loaded first. */
const PATIENCE_MS = 120_000;
const LIMIT = 100;

/** The index of one side. `text` names the data whose text is searched. */
export function shadowIndex(side: ShadowQuestion["side"], env: Env, text: readonly string[] | undefined) {
  const namespace = env.durableObjects<IndexShard & Rpc.DurableObjectBranded>("SEARCH");
  const reach = (shard: number) =>
    namespace.get(namespace.idFromName(`${side}/${shard}`)) as unknown as IndexShard;
  return new IndexClient(reach, { shards: 1, text: text && [...text] });
}

/** Brings what was stored before to its index. */
export async function storeBefore(index: SearchIndex, stored: StoredBefore): Promise<void> {
  const { set, version, etag, size, stored_at, items } = stored;
  const none = { event_id: "", run_id: "", commit: "", version_id: null, event_time: stored_at };
  await index.replace({
    ...{ set, order: 0, lineage: { ...none, version, etag, size, stored_at } },
    items: items.map(({ data, span }) => ({
      data: JSON.stringify(data),
      // Nothing but the span is meant.
      vectors: span ? [{ path: "", values: new Float32Array(1), span }] : [],
    })),
  });
}

/** Asks one side. */
export async function askShadow(
  index: SearchIndex,
  { question }: ShadowQuestion,
  deps: WeirDeps,
  later: (work: Promise<unknown>) => void,
): Promise<ShadowHits> {
  const { text, like, filter, mode } = question;
  const query = { filter, group: "item", limit: LIMIT } as const;
  if (like) {
    const item = "item" in like ? like.item : await itemAt(index, like.object.key, like.second ?? 0);
    const vectors = item === undefined ? [] : await index.vectorsOf({ item, second: like.second });
    if (vectors.length === 0) return { hits: [], missing: "What it begins with has no vector." };
    const { hits } = await index.query({ ...query, vectors });
    // What a question begins with is no answer to it.
    return { hits: hits.filter((hit) => hit.item !== item) };
  }
  if (text === undefined || mode === "text") return { hits: (await index.query({ ...query, text })).hits };
  const spaces = (await index.spaces()).map(({ space }) => space);
  const { vectors, missing } = await embedQuestion(
    { subject: { text }, spaces, patience_ms: PATIENCE_MS },
    deps,
    later,
  );
  const { hits } = await index.query({ ...query, vectors, ...(mode === "hybrid" && { text }) });
  const why = missing[0]?.failure.detail;
  return { hits, ...(vectors.length === 0 && why !== undefined && { missing: why }) };
}

async function itemAt(index: SearchIndex, key: string, second: number): Promise<string | undefined> {
  const items = await index.itemsOf({ key });
  const found = items.find(({ span }) => span && span.start <= second && second < span.end) ?? items[0];
  return found?.item;
}
