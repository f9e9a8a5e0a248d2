// The contract of a store that may hold something of an object, as an erasure sees it. Every store goes page by page:
// it says what a page holds of the scope, and only then removes it, so that what a page had removed before it was cut off
// is counted, and once.
import type { ErasureScope, ObjectName } from "../../shapes/erasure.ts";

/** Which objects, and of what time. */
export interface ErasureTarget {
  scope: ErasureScope;
  /** What is of this moment or earlier goes, ms: what was uploaded later is another object. */
  erased_at: number;
}

/** How much of one table goes at once, whole or not at all: `unit` names that, without a key. */
export interface UnitCount {
  table: string;
  unit: string;
  count: number;
}

/** What a page holds, and the objects that it is of. */
export interface PageFinds {
  units: UnitCount[];
  objects?: ObjectName[];
}

/** One page's work. */
export interface ErasurePage extends ErasureTarget {
  /** Where the page begins; undefined for the first. */
  at: string | undefined;
  /** Only says what there is. */
  dry: boolean;
  /** The second sweep, for what was on its way during the first. */
  again: boolean;
  now: number;
  /** Puts on record what the page holds. To be awaited before anything of it is removed. */
  note(finds: PageFinds): Promise<void>;
}

export interface ErasableStore {
  name: string;
  /** Does one page. Returns where the next one begins; undefined after the last. A page may be done again. */
  erase(page: ErasurePage): Promise<string | undefined>;
}

/** A page of the objects that were found so far, for stores that know objects by hash alone. */
export type ListObjects = (
  after: string | undefined,
  limit: number,
) => Promise<{ objects: ObjectName[]; next?: string }>;
