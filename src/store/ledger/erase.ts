// Erases what the ledger's shards hold of objects: runs, letters, tracked objects, packed runs, and identities. Runs that have not ended are cancelled in their collections first, since
// that is all of Weir that a pipeline Worker sees.
import { objectHex } from "../../shapes/event-id.ts";
import type { ErasableStore, ListObjects } from "../erasure/contract.ts";
import type { ErasedRows } from "./contract.ts";
import type { Shards } from "./shards.ts";

/** Cancels a run in its collection. */
export type CancelRun = (run: ErasedRows["open"][number]) => Promise<void>;

/** One store for each shard. */
export function erasableShards(shards: Pick<Shards, "all">, cancel: CancelRun): ErasableStore[] {
  return shards.all().map((shard, number) => ({
    name: `ledger shard ${number}`,
    async erase({ scope, erased_at, dry, now, at, note }) {
      const page = { scope, erased_at, now, after: at };
      const { units, objects, open, next } = await shard.erase({ ...page, dry: true });
      if (units.length > 0 || objects.length > 0) await note({ units, objects });
      if (dry) return next;
      for (const run of open) await cancel(run);
      if (units.length > 0) await shard.erase({ ...page, dry: false });
      return next;
    },
  }));
}

/** Objects of one page. */
const PAGE_OBJECTS = 100;

/** Identities, which a shard keeps by hashes alone: those of the objects that were found. */
export const erasableIdentities = (shards: Pick<Shards, "ofKey">, list: ListObjects): ErasableStore => ({
  name: "ledger shards",
  async erase({ at, erased_at, dry, note }) {
    const { objects, next } = await list(at, PAGE_OBJECTS);
    for (const object of objects) {
      const shard = shards.ofKey(object.key);
      const count = await shard.eraseIdentities([object], erased_at, true);
      if (count === 0) continue;
      await note({ units: [{ table: "ids", unit: objectHex(object), count }] });
      if (!dry) await shard.eraseIdentities([object], erased_at, false);
    }
    return next;
  },
});
