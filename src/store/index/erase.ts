// Erases sets of objects from the indexes of a collection. Their numbers go with them: a new upload begins at 1 again.
import type { ErasableStore } from "../erasure/contract.ts";
import type { IndexShard } from "./shard.ts";

/** Sets of one page. */
const PAGE_SETS = 200;

/** One shard of an index. */
export const erasableIndexShard = (name: string, shard: IndexShard): ErasableStore => ({
  name,
  async erase({ scope, erased_at, at, dry, note }) {
    const { sets, next } = await shard.setsOf(scope, erased_at, at ?? "", PAGE_SETS);
    if (sets.length > 0) {
      const units = sets.flatMap(({ id, items, vectors }) => [
        { table: "sets", unit: id, count: 1 },
        { table: "docs", unit: id, count: items },
        { table: "vectors", unit: id, count: vectors },
      ]);
      await note({
        units: units.filter(({ count }) => count > 0),
        objects: sets.map(({ set: { connection, bucket, key } }) => ({ connection, bucket, key })),
      });
      if (!dry) await shard.erase(sets.map(({ id }) => id));
    }
    return next;
  },
});
