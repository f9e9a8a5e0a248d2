// A call of the shards under test, as it travels to them.

/** `CODED`: shards that keep next to nothing whole. */
export type ShardClass = "SEARCH" | "CODED";

/** One call: of the index, or one of this test's own. Vectors are lists of numbers in JSON. */
export interface IndexCall {
  collection: string;
  shards?: number;
  class?: ShardClass;
  call:
    | "replace"
    | "query"
    | "sorted"
    | "spaces"
    | "vectorsOf"
    | "itemsOf"
    | "orders"
    | "state"
    | "fill"
    | "bare"
    | "size"
    | "queries"
    | "probe";
  args: unknown[];
}
