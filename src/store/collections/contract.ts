// The contract of a collection, wherever it is kept. d1.ts and r2.ts are siblings behind it and run one shared suite.
// The unit is a set of items: it belongs to one object of one pipeline and is replaced as a whole, or not at all.
import type { NewItem, SetKey, SetLineage, StoredItem } from "../../shapes/item.ts";

/** A set, and the run that wants to replace it. A set without a key is an invocation's, and holds nothing. */
export interface FenceRequest extends SetKey {
  run_id?: string;
}

/** The run that last replaced a set, and the object that it read. */
export interface HeldBy extends Pick<SetLineage, "run_id" | "etag" | "version_id" | "stored_at" | "view"> {
  items: number;
  /** Version of the pipeline; absent in sets that an older Weir stored. */
  version?: string;
}

/** Permission to replace one set, taken before the object is observed. Opaque: d1 counts, r2 keeps an ETag. */
export interface Fence {
  set: SetKey;
  token: number | string | null;
  /** Number that a replacement under this fence has: of two, the later one's is greater. */
  order: number;
  /** The run that last replaced the set. A run that finds itself here has been delivered twice. */
  held?: HeldBy;
  /** Cancelled runs. The fence's own run may be among them; it must not be tried then. */
  cancelled?: string[];
}

/**
 * `stored`: the items are in, all of them. `superseded`: a run that began later has already stored what it
 * saw, so this one must not. `conflict`: somebody stored in between and it is unknown who saw the newer
 * object; observe again. `cancelled`: the run was cancelled since it took its fence.
 */
export type Replaced = "stored" | "superseded" | "conflict" | "cancelled";

export interface ItemPage {
  items: StoredItem[];
  /** Where the next page begins; absent on the last. */
  next?: string;
}

/** A set without its items: the ETag of the object that was read, and the number of items. */
export interface HeldSet {
  set: SetKey;
  items: number;
  etag: string | null;
  /** Number of the replacement that stored it. */
  order: number;
  lineage: SetLineage;
}

/** A set's id, and the number of the replacement that stored it. */
export interface SetNumber {
  id: string;
  number: number;
  items: number;
}

/** A set that was indexed as of a replacement. */
export interface IndexedSet {
  set: SetKey;
  order: number;
}

/** Selects sets by what produced their items: a version, a commit, or any version but their pipeline's present one. */
export interface ProducedBy {
  version?: string | undefined;
  commit?: string | undefined;
  /** Version by alias; sets of these versions are left out. */
  not?: Record<string, string> | undefined;
}

/** Selection of a page of items: of all sets or of some, stored by any producer or by one. */
export interface ItemQuery {
  limit: number;
  /** Id of the last item of the page before. */
  after?: string;
  sets?: SetKey[];
  producer?: ProducedBy;
}

export interface Collection {
  /** Takes a fence for each set, in order. Take it *before* looking at the object. */
  begin(requests: FenceRequest[]): Promise<Fence[]>;
  /** Replaces the set's items in one transaction; an empty list removes them. */
  replace(fence: Fence, lineage: SetLineage, items: NewItem[]): Promise<Replaced>;
  /** One page of items, by set and position, after an item's id; `sets` and `producer` narrow it down. */
  list(query: ItemQuery): Promise<ItemPage>;
  /** Once it has answered, the run can replace its set no more, whatever fence it holds. */
  cancel(requests: Required<FenceRequest>): Promise<void>;
  isCancelled(requests: Required<FenceRequest>): Promise<boolean>;
  get(itemId: string): Promise<StoredItem | null>;
  /** Describes each of these sets, in order; null for a set that was never stored. */
  describe(sets: SetKey[]): Promise<(HeldSet | null)[]>;
  /** One page of the sets that have items, in order of their ids; `after` is the id that the last page ended with. */
  sets(query: { limit: number; after?: string | undefined }): Promise<{ held: HeldSet[]; next?: string }>;
  /** The same page without what the sets say of themselves: as little as a comparison needs. */
  numbers(query: {
    limit: number;
    after?: string | undefined;
  }): Promise<{ rows: SetNumber[]; next?: string }>;
  /** What the search index does not have yet; absent where the collection cannot say. */
  backlog?: IndexBacklog;
}

/** Sets whose last replacement the search index has not acknowledged: part of the replacement's own transaction. */
export interface IndexBacklog {
  /** Some of them, also those without items, in order of their ids; `after` is the last id of the page before. */
  list(query: { limit: number; after?: string | undefined }): Promise<HeldSet[]>;
  /** When the oldest of them was stored; null where there are none. Of many, so many are looked at. */
  oldest(): Promise<string | null>;
  /** Notes that the index has these sets. */
  done(sets: readonly IndexedSet[]): Promise<void>;
}

/** The `held` of a fence, from the lineage that is kept with the set. */
export function heldBySet(
  { run_id, etag, version_id, stored_at, version, view }: SetLineage,
  items: number,
): HeldBy {
  return { run_id, etag, version_id, stored_at, items, version, ...(view !== undefined && { view }) };
}
