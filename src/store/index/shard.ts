// What one shard of an index answers, call by call: the Durable Object of workers/search implements it, client.ts calls
// it. Values are plain, as they travel between Workers.
import type { ErasureScope } from "../../shapes/erasure.ts";
import type { Failure } from "../../shapes/failure.ts";
import type { SetKey } from "../../shapes/item.ts";
import type { IndexState, SearchHit, Space } from "../../shapes/search.ts";
import type { Indexed, IndexedOrder, LikeVectors, SpaceVector } from "./contract.ts";
import type { FusedHit, PageQuestion, RankedLeg } from "./fuse.ts";
import type { ItemOrder, OrderPlace } from "./order.ts";
import type { PackedPart } from "./pack.ts";

/** A question as a shard ranks by it. */
export interface ShardQuestion {
  text?: string | undefined;
  vectors: SpaceVector[];
  filter?: Record<string, unknown> | undefined;
  byObject: boolean;
  min_score?: number | undefined;
  explain: boolean;
  /** Whether items are counted that pass and have vectors, but none that the question reaches. */
  counted: boolean;
  /** Most entries of each leg. */
  ranked: number;
  /** Where a listing without words and vectors goes on: after this item. */
  listAfter?: string | undefined;
  /** Of one shard alone, the page is read at once: its legs need not travel. */
  page?: PageQuestion | undefined;
}

/** Items in the order of one of their values. */
export interface ShardListing {
  order: ItemOrder;
  filter?: Record<string, unknown> | undefined;
  /** Only items after this place. */
  after?: OrderPlace | undefined;
  /** Most places. */
  count: number;
}

export interface ShardRanking {
  legs: RankedLeg[];
  /** The page, where it was asked for; then there are no legs. */
  page?: { hits: SearchHit[]; next?: string | undefined } | undefined;
  /** Items that pass the filter and have vectors in none of the spaces that are asked, and those spaces. */
  leftOut: { items: number; spaces: Space[] };
  state: IndexState;
}

/** A shard among so many. */
export interface ShardPlace {
  shard: number;
  shards: number;
}

/** A set of a shard, by number. */
export interface ShardNumber {
  id: string;
  set: SetKey;
  number: number;
  items: number;
}

/** Sets of a scope; `next` is where the next page begins, absent on the last. */
export interface ScopedSets {
  sets: { id: string; set: SetKey; items: number; vectors: number }[];
  next?: string;
}

/** A ranking, or why the question cannot be asked. */
export type ShardAnswer = (ShardRanking & { layout?: ShardLayout | undefined }) | { failure: Failure };

/** The shard of an object's sets. */
export const shardOf = (object: number, shards: number): number => object % shards;

/** How sets are spread: over `shards` objects, and, while they move, over `next` as well. */
export interface ShardLayout {
  shards: number;
  next?: number | undefined;
}

/**
 * `elsewhere`: the set belongs to another shard by now. `unknown`: the shard does not know how sets are spread; shard 0
 * does. Nothing was done, either way.
 */
export interface ReplaceAnswer {
  result: Indexed | "staged" | "elsewhere" | "unknown";
  layout: ShardLayout;
}

/** Progress of a rebuilding, which shard 0 keeps for all. */
export interface Rebuilding {
  epoch: number;
  /** Shards before, and from now on. */
  before: number;
  shards: number;
  started_at: string;
  /** Id of the last set that was brought; undefined before the first. */
  after?: string | undefined;
  sets: number;
  /** Sets that could not be brought and were passed over. */
  failed: number;
  /** Times that the next sets were tried in vain. */
  tries: number;
  /** Every set was brought; what is left of before is being removed. */
  swept?: boolean | undefined;
}

export interface IndexShard {
  replace(part: PackedPart, place: ShardPlace): Promise<ReplaceAnswer>;
  rank(question: ShardQuestion): Promise<ShardAnswer>;
  /** The first places of an order, of the items that pass. */
  sorted(listing: ShardListing): Promise<OrderPlace[] | { failure: Failure }>;
  read(hits: FusedHit[], question: ShardQuestion): Promise<SearchHit[]>;
  spaces(): Promise<{ space: Space; vectors: number }[]>;
  vectorsOf(like: LikeVectors): Promise<SpaceVector[]>;
  itemsOf(object: {
    connection?: string | undefined;
    bucket?: string | undefined;
    key: string;
  }): Promise<{ item: string; span: { start: number; end: number } | null }[]>;
  orders(ids: string[]): Promise<IndexedOrder[]>;
  /** Sets that have items, after an id up to and with another, in order; or one of them alone. */
  numbers(after: string, to: string | undefined, only: string | undefined): Promise<ShardNumber[]>;
  /** Removes a set that its collection does not know. */
  forget(id: string): Promise<void>;
  /** Sets of objects of a scope that were stored by then or are of an event of then, by name, after one. */
  setsOf(scope: ErasureScope, erasedAt: number, after: string, limit: number): Promise<ScopedSets>;
  /** Erases sets, their words too: what is only deleted stays in the index of words until it is merged. */
  erase(ids: string[]): Promise<void>;
  /** Where the last comparison with the collection ended: shard 0 keeps it for all. */
  comparedTo(): Promise<string>;
  keepCompared(id: string): Promise<void>;
  state(): Promise<IndexState & { layout?: ShardLayout | undefined }>;
  /** How sets are spread, by shard 0: over `shards` from now on where nothing is known yet. */
  layout(shards: number): Promise<ShardLayout>;
  /** Remembers how sets are spread. */
  setLayout(layout: ShardLayout & { epoch?: number | undefined }): Promise<void>;
  rebuilding(): Promise<Rebuilding | null>;
  /** Keeps the progress of a rebuilding; null ends it. */
  keepRebuilding(progress: Rebuilding | null): Promise<void>;
  /** Removes sets that a rebuilding has not brought and no run has stored since. Returns whether more are left. */
  prune(epoch: number, mine: ShardPlace): Promise<boolean>;
}
