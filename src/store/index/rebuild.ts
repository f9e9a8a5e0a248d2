// Builds a collection's index anew from the collection alone, while the old one answers: every set is brought again, page
// by page, under the number of the rebuilding; what it has not brought is then no set of the collection, and is removed.
// Where the number of shards has changed, sets go to their new places meanwhile. Progress is kept by shard 0: cut off
// anywhere, it goes on.
import { setId } from "../collections/ids.ts";
import { bringKey } from "./bring.ts";
import type { SearchedCollection } from "./open.ts";
import type { IndexShard, Rebuilding, ShardLayout } from "./shard.ts";

const PAGE_SETS = 50;
/** Sets that are read and brought at once. */
const PARALLEL_SETS = 4;

/** Begins a rebuilding, or leaves the one that is under way as it is. */
export async function beginRebuilding(
  { reach, settings }: SearchedCollection,
  now: number,
): Promise<Rebuilding> {
  const under = await reach(0).rebuilding();
  if (under) return under;
  const { shards } = settings;
  const before = await reach(0).layout(shards);
  const progress: Rebuilding = {
    epoch: now,
    before: before.shards,
    shards,
    started_at: new Date(now).toISOString(),
    sets: 0,
  };
  await reach(0).keepRebuilding(progress);
  return progress;
}

/** Goes on with a rebuilding, as long as there is time. Returns the number of sets that were brought. */
export async function rebuildOn(searched: SearchedCollection, isTime: () => boolean): Promise<number> {
  const { reach, collection, index } = searched;
  const shard = reach(0);
  let brought = 0;
  let progress = await shard.rebuilding();
  // Each shard hears of it again: one may have been lost since.
  if (progress) await announceAll(reach, progress);
  while (progress && !progress.swept && isTime()) {
    const { held, next } = await collection.sets({ limit: PAGE_SETS, after: progress.after });
    for (let at = 0; at < held.length; at += PARALLEL_SETS) {
      const part = held.slice(at, at + PARALLEL_SETS);
      const epoch = progress.epoch;
      await Promise.all(part.map(({ set }) => bringKey(index, collection, set, epoch)));
    }
    brought += held.length;
    const last = held.at(-1);
    progress = {
      ...progress,
      sets: progress.sets + held.length,
      after: next ?? (last ? setId(last.set) : progress.after),
      ...(next === undefined && { swept: true }),
    };
    await shard.keepRebuilding(progress);
  }
  if (progress?.swept && isTime()) await finish(reach, progress, isTime);
  return brought;
}

/** Lets every shard know the new layout alone, then removes what is left of before. */
async function finish(
  reach: SearchedCollection["reach"],
  progress: Rebuilding,
  isTime: () => boolean,
): Promise<void> {
  const { shards, before, epoch } = progress;
  const all = Math.max(shards, before);
  for (let shard = all - 1; shard >= 0; shard--) await reach(shard).setLayout({ shards });
  for (let shard = 0; shard < all; shard++)
    while (await reach(shard).prune(epoch, { shard, shards })) if (!isTime()) return;
  await reach(0).keepRebuilding(null);
}

async function announceAll(
  reach: (shard: number) => IndexShard,
  { before, shards, epoch, swept }: Rebuilding,
): Promise<void> {
  if (swept) return;
  const layout: ShardLayout = before === shards ? { shards } : { shards: before, next: shards };
  // Shard 0 last: who asks it sends sets to places that know already.
  for (let shard = Math.max(before, shards) - 1; shard >= 0; shard--)
    await reach(shard).setLayout({ ...layout, epoch });
}
