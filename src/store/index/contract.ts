// The contract of a collection's index: a copy that follows from the collection and can always be built again from it.
// client.ts speaks it to the Durable Objects of workers/search, over all shards; runs, sweeps and queries use it.
import type { NewItem, SetKey, SetLineage } from "../../shapes/item.ts";
import type { IndexState, SearchAnswer, Space } from "../../shapes/search.ts";
import type { ItemOrder, OrderPlace } from "./order.ts";

/** A set as the collection holds it; without items, it removes what the index has of it. */
export interface IndexSet {
  set: SetKey;
  /** Number of the replacement in the collection (`order` of a fence): a set with a smaller one is older. */
  order: number;
  lineage: SetLineage;
  items: NewItem[];
}

/** `superseded`: the index has a newer set already, and keeps it. */
export type Indexed = "stored" | "superseded";

/** A query's vector in one space. Its length does not matter: cosines are compared. */
export interface SpaceVector {
  space: Space;
  values: Float32Array;
}

/** Where a vector query begins: vectors of the index's own. */
export interface LikeVectors {
  item: string;
  second?: number | undefined;
}

export interface IndexQuery {
  /** Words, as a person writes them: nothing in them is syntax. */
  text?: string | undefined;
  /**
   * One vector for each space that the question is put to. Absent: none is to be asked. Empty: none could be, and what
   * that leaves out is counted.
   */
  vectors?: SpaceVector[] | undefined;
  /** The written filter, which compiles (`compileItemFilter`). */
  filter?: Record<string, unknown> | undefined;
  group: "item" | "object";
  limit: number;
  /** `next` of the page before. */
  after?: string | undefined;
  min_score?: number | undefined;
  explain?: boolean | undefined;
}

export interface OrderQuery {
  order: ItemOrder;
  /** The written filter, which compiles. */
  filter?: Record<string, unknown> | undefined;
  limit: number;
  /** `next` of the page before. */
  after?: OrderPlace | undefined;
}

/** A set's number in the index, 0 for one that it does not have; `items` counts what it has of it. */
export interface IndexedOrder {
  order: number;
  items: number;
}

export interface SearchIndex {
  /** Replaces a set as a whole, unless the index has a newer one. */
  replace(set: IndexSet): Promise<Indexed>;
  /** Removes what the index has of a set; the same as to replace it by nothing. */
  remove(set: SetKey, order: number, lineage: SetLineage): Promise<Indexed>;
  /**
   * Ranks what passes the filter: by words, by each space's vector, or by both, fused by reciprocal rank. Without text
   * and vectors, items come in the order of their ids. Never fails because the index is empty or being built.
   * @throws FailureError `invalid` for a filter or an `after` that is not one
   */
  query(query: IndexQuery): Promise<SearchAnswer>;
  /**
   * Ids of the items that pass, by one of their values. Pages neither skip nor repeat an item that stays as it is.
   * @throws FailureError `unavailable` where a shard does not answer: its items would be missing in between
   */
  sorted(query: OrderQuery): Promise<{ items: string[]; next?: OrderPlace }>;
  /** The spaces that the index has vectors in, with their number. */
  spaces(): Promise<{ space: Space; vectors: number }[]>;
  /** The vectors of an item, or of its frame nearest to a second, one for each of its spaces. */
  vectorsOf(like: LikeVectors): Promise<SpaceVector[]>;
  /** Ids of an object's items (in every pipeline), in order: `like` an object begins with one of them. */
  itemsOf(object: {
    connection?: string | undefined;
    bucket?: string | undefined;
    key: string;
  }): Promise<{ item: string; span: { start: number; end: number } | null }[]>;
  /** What the index has of each of these sets, in order; for comparisons with the collection. */
  orders(sets: SetKey[]): Promise<IndexedOrder[]>;
  state(): Promise<IndexState & { shards: number; missing_shards: number }>;
}
