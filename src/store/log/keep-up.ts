// The log's upkeep, a pass of which the router's cron makes each minute: compacts minutes, folds hours and days, deletes
// what is over. Each pass spends a bounded number of calls; two at once do no harm, and where one is cut off the next
// goes on.
import type { R2Bucket } from "@cloudflare/workers-types";
import { compactMinutes, type IsOver, overAt } from "./compact.ts";
import type { KeepDays, LogUpkeep } from "./contract.ts";
import { type DaysIndex, type ReadIndex, readIndex, replaceIndex, withoutJob } from "./days-index.ts";
import { expireMinutes } from "./expire.ts";
import { listAll, VanishedError } from "./files.ts";
import { beginJob, chooseTarget, connectionsOf, endJob, writeParts } from "./fold.ts";
import { FRESH } from "./names.ts";
import { openBudget, type UpkeepBudget } from "./upkeep-budget.ts";

/** Calls that one step of a fold needs at least. */
const STEP_CALLS = 100;
const DELETED_AT_ONCE = 1_000;

/**
 * One pass: at most some 1,000 calls to the bucket, and no step begun after `budgetMs`.
 *
 * @param now the moment by which minutes rest and days are over, ms
 * @param keepDays days for which a connection's events are kept, from the end of their day
 */
export async function keepUp(
  bucket: R2Bucket,
  now: number,
  keepDays: KeepDays,
  budgetMs: number,
): Promise<LogUpkeep> {
  const budget = openBudget(bucket, budgetMs);
  const isOver = overAt(now, keepDays);
  const minutes = await compactMinutes(budget, now, isOver);
  try {
    const periods = await foldPeriods(budget, now, keepDays);
    return {
      segments: minutes.segments + periods.segments,
      objects_removed: minutes.objects_removed + periods.objects_removed,
      more: minutes.more || periods.more,
    };
  } catch (error) {
    // Another pass was faster, and has deleted what this one was reading.
    if (error instanceof VanishedError) return { ...minutes, more: true };
    throw error;
  }
}

async function foldPeriods(budget: UpkeepBudget, now: number, keepDays: KeepDays): Promise<LogUpkeep> {
  const isOver = overAt(now, keepDays);
  const done = { segments: 0, objects_removed: 0, more: false };
  let read: ReadIndex | undefined = await readIndex(budget.bucket);
  for (;;) {
    read = await sweepGarbage(budget, read, done);
    if (!read || !budget.has(STEP_CALLS)) return { ...done, more: true };
    const begun: ReadIndex | "idle" | undefined = read.index.job
      ? read
      : await begin(budget, read, now, isOver, done);
    if (begun === "idle") return done;
    const { job } = begun?.index ?? {};
    if (!begun || !job) return { ...done, more: true };
    // As when the fold began, so that all of its parts leave out the same.
    const written = await writeParts(budget, begun.index, job, overAt(job.folded_at, keepDays)).catch(
      async (error: unknown) => {
        // Its index stands, so nobody has ended it: a source was erased, and the fold begins again without.
        if (error instanceof VanishedError) await replace(budget, begun, withoutJob(begun.index));
        throw error;
      },
    );
    const isWhole = written.lane === 2 ** written.bits;
    done.segments += written.lane - job.lane;
    const next: DaysIndex = isWhole ? endJob(begun.index, written) : { ...begun.index, job: written };
    read = await replace(budget, begun, next);
    if (!read || !isWhole) return { ...done, more: true };
  }
}

/** Replaces the index; undefined where another pass has. */
async function replace(
  { bucket }: UpkeepBudget,
  read: ReadIndex,
  index: DaysIndex,
): Promise<ReadIndex | undefined> {
  const etag = await replaceIndex(bucket, { index, etag: read.etag });
  return etag === undefined ? undefined : { index, etag };
}

/** Deletes what the index says is elsewhere by now. */
async function sweepGarbage(
  budget: UpkeepBudget,
  read: ReadIndex,
  done: { objects_removed: number },
): Promise<ReadIndex | undefined> {
  const { garbage } = read.index;
  if (garbage.length === 0) return read;
  for (let at = 0; at < garbage.length; at += DELETED_AT_ONCE)
    await budget.bucket.delete(garbage.slice(at, at + DELETED_AT_ONCE));
  done.objects_removed += garbage.length;
  return replace(budget, read, { ...read.index, garbage: [] });
}

/** Puts the next fold on record; `idle` where there is none. */
async function begin(
  budget: UpkeepBudget,
  read: ReadIndex,
  now: number,
  isOver: IsOver,
  done: { objects_removed: number },
): Promise<ReadIndex | "idle" | undefined> {
  const target = chooseTarget(read.index, await listAll(budget.bucket, FRESH), now, isOver);
  if (!target) return "idle";
  // What a fold leaves out is in no period any more, and no index would lead to its minutes: they go first.
  if (connectionsOf(target).some((name) => name === undefined || isOver(name, target.first))) {
    const expired = await expireMinutes(budget, target, isOver);
    done.objects_removed += expired.removed;
    if (expired.more) return undefined;
  }
  return replace(budget, read, beginJob(read.index, target, now));
}
