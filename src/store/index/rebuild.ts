// Builds a collection's index anew from the collection alone, while the old one answers: every set is brought again, page
// by page, under the number of the rebuilding; what it has not brought is then no set of the collection, and is removed.
// Where the number of shards has changed, sets go to their new places meanwhile. Progress is kept by shard 0: cut off
// anywhere, it goes on. A set that cannot be brought is tried again and then passed over, and counted: the comparison of
// each minute (compare.ts) is left with it.
import { logWarning } from "../../shapes/log.ts";
import type { HeldSet } from "../collections/contract.ts";
import { setId } from "../collections/ids.ts";
import { bringKey } from "./bring.ts";
import type { SearchedCollection } from "./open.ts";
import type { IndexShard, Rebuilding, ShardLayout } from "./shard.ts";

const PAGE_SETS = 50;
/** Sets that are read and brought at once. */
const PARALLEL_SETS = 4;
/** Times that sets are tried, a minute each, before they are passed over. */
const MAX_TRIES = 3;

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
    ...{ sets: 0, failed: 0, tries: 0 },
  };
  await reach(0).keepRebuilding(progress);
  return progress;
}

/** Sets that were brought now, and those of the whole rebuilding that could not be. */
export interface Rebuilt {
  brought: number;
  failed: number;
}

/** Goes on with a rebuilding, as long as there is time. */
export async function rebuildOn(searched: SearchedCollection, isTime: () => boolean): Promise<Rebuilt> {
  const { reach, collection } = searched;
  const shard = reach(0);
  let brought = 0;
  let progress = await shard.rebuilding();
  // Each shard hears of it again: one may have been lost since.
  if (progress) await announceAll(reach, progress);
  while (progress && !progress.swept && isTime()) {
    const { held, next } = await collection.sets({ limit: PAGE_SETS, after: progress.after });
    for (let at = 0; at < held.length && isTime(); at += PARALLEL_SETS) {
      const before: number = progress.sets;
      progress = await bringPart(searched, held.slice(at, at + PARALLEL_SETS), progress);
      await shard.keepRebuilding(progress);
      if (progress.tries > 0) return { brought, failed: progress.failed };
      brought += progress.sets - before;
    }
    const last = held.at(-1);
    if (next !== undefined || (last && progress.after !== setId(last.set))) continue;
    progress = { ...progress, swept: true };
    await shard.keepRebuilding(progress);
  }
  if (progress?.swept && isTime()) await finish(reach, progress, isTime);
  return { brought, failed: progress?.failed ?? 0 };
}

/** Brings some sets; the progress is behind them, or where it was with one try more. */
async function bringPart(
  { index, collection, name }: SearchedCollection,
  part: readonly HeldSet[],
  progress: Rebuilding,
): Promise<Rebuilding> {
  const results = await Promise.allSettled(
    part.map(({ set }) => bringKey(index, collection, set, progress.epoch)),
  );
  const failed = results.flatMap((result, i) => {
    const set = part[i];
    if (result.status === "fulfilled" || !set) return [];
    logWarning("index.unbrought", { collection: name, set: setId(set.set), error: String(result.reason) });
    return [set];
  });
  const tries = failed.length > 0 ? progress.tries + 1 : 0;
  if (tries > 0 && tries < MAX_TRIES) return { ...progress, tries };
  const last = part.at(-1);
  return {
    ...progress,
    ...(last && { after: setId(last.set) }),
    ...{ sets: progress.sets + part.length - failed.length, failed: progress.failed + failed.length },
    tries: 0,
  };
}

/** Lets every shard know the new layout alone, then removes what is left of before. */
async function finish(
  reach: SearchedCollection["reach"],
  progress: Rebuilding,
  isTime: () => boolean,
): Promise<void> {
  const { shards, before, failed } = progress;
  // A set that was passed over may stand as it should: what it was not brought by says nothing.
  const epoch = failed > 0 ? 0 : progress.epoch;
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
