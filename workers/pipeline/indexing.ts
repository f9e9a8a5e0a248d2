// Brings what a run has stored to the collection's search index, before the run reports success. The collection is the
// truth: where the index does not answer, the run has succeeded all the same, and the sweep brings the set
// (src/cron/index-sweep.ts).
import type { SetKey } from "../../src/shapes/item.ts";
import { logWarning } from "../../src/shapes/log.ts";
import { INDEX_LATE } from "../../src/shapes/run.ts";
import type { Collection } from "../../src/store/collections/contract.ts";
import { bringKey, bringSet } from "../../src/store/index/bring.ts";
import type { IndexSet, SearchIndex } from "../../src/store/index/contract.ts";
import { step } from "./meter.ts";

/** Time that a run waits for its index. */
const PATIENCE_MS = 30_000;

/** Brings a set as the run has it in hand. */
export const bringStored = (index: SearchIndex, collection: Collection, set: IndexSet): Promise<void> =>
  step("indexed", () => unlessLate(set.set, bringSet(index, collection, set)), saysLate).then(
    () => undefined,
  );

/** Brings a set as the collection has it: an earlier attempt stored it, and may have ended before its index had it. */
export const bringAgain = (index: SearchIndex, collection: Collection, set: SetKey): Promise<void> =>
  step("indexed", () => unlessLate(set, bringKey(index, collection, set)), saysLate).then(() => undefined);

const saysLate = (isBrought: boolean) => (isBrought ? {} : { detail: INDEX_LATE });

/** Replaces a set, and notes it as a step. */
export const storeItems = (collection: Collection, ...set: Parameters<Collection["replace"]>) =>
  step(
    "stored",
    () => collection.replace(...set),
    (became) => ({ detail: became }),
  );

/** Whether the index has it in time. */
async function unlessLate({ alias, bucket, key }: SetKey, bringing: Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  return Promise.race([bringing, late])
    .then(
      () => true,
      (error: unknown) => {
        logWarning("index.late", { alias, bucket, key, error: String(error) });
        return false;
      },
    )
    .finally(() => clearTimeout(timer));
}
