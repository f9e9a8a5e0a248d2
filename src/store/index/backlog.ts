// Brings the sets of a collection that its index has not acknowledged: a run ended between the two, the index did not
// answer, or there was no index yet when they were stored.
import type { Collection } from "../collections/contract.ts";
import { setId } from "../collections/ids.ts";
import { bringKey, type IndexTarget } from "./bring.ts";

/** Age before which a set is left to its own run, which is bringing it. */
const OWN_RUN_MS = 45_000;
const PAGE_SETS = 100;
/** Sets that are brought at once: each reads a set whole. */
const PARALLEL_SETS = 4;

/** Brings as many as there is time for; returns how many. */
export async function bringBacklog(
  index: IndexTarget,
  collection: Collection,
  now: number,
  isTime: () => boolean,
): Promise<number> {
  let brought = 0;
  let after: string | undefined;
  while (collection.backlog && isTime()) {
    const page = await collection.backlog.list({ limit: PAGE_SETS, after });
    const due = page.filter(({ lineage }) => Date.parse(lineage.stored_at) < now - OWN_RUN_MS);
    for (let at = 0; at < due.length && isTime(); at += PARALLEL_SETS) {
      const part = due.slice(at, at + PARALLEL_SETS);
      await Promise.all(part.map(({ set }) => bringKey(index, collection, set)));
      brought += part.length;
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE_SETS) break;
    after = setId(last.set);
  }
  return brought;
}
