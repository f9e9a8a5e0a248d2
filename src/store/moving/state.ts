// Where the move of a ledger of before stands: one row, which each page replaces on its number alone, so that of two that
// are at work at once one goes on. Also says whether events have to wait for the move.
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";

/**
 * The steps, in their order. Events wait until `archive`: by then all is in the shards by which an event is known, or runs
 * something.
 */
export const MOVE_STEPS = [
  "begin",
  "tracked",
  "counts",
  "events",
  "letters",
  "recent",
  "replays",
  "archive",
  "rest",
  "late",
  "sweep",
  "drop",
  "done",
  "over",
] as const;
export type MoveStep = (typeof MOVE_STEPS)[number];

/** Where a move stands; places are JSON of the step's own. */
export interface MoveState {
  step: MoveStep;
  page: number;
  after: string | null;
  upto: string | null;
  event: number;
  moved: number;
  total: number;
  missing: number;
  began_at: number | null;
  done_at: number | null;
}

export async function readMove(db: D1Database): Promise<MoveState> {
  const row = await db.prepare("SELECT * FROM moving").first<MoveState>();
  if (!row) throw new Error("the table of the move is empty");
  return row;
}

/** Turns to the next page, if nobody else has. Returns a statement that changes one row, or none. */
export function turnMove(db: D1Database, at: MoveState, to: Partial<MoveState>): D1PreparedStatement {
  const next = { ...at, ...to };
  return db
    .prepare(
      `UPDATE moving SET page = page + 1, step = ?2, after = ?3, upto = ?4, event = ?5, moved = ?6, total = ?7,
         missing = ?8, began_at = ?9, done_at = ?10
       WHERE page = ?1`,
    )
    .bind(
      ...[at.page, next.step, next.after, next.upto, next.event, next.moved, next.total],
      ...[next.missing, next.began_at, next.done_at],
    );
}

const isBefore = (step: MoveStep, other: MoveStep) => MOVE_STEPS.indexOf(step) < MOVE_STEPS.indexOf(other);

/** Ledgers whose move, if there was any, has come so far that it does not come back. */
const released = new WeakSet<D1Database>();
const complete = new WeakSet<D1Database>();

/** Whether events and replays have to wait, since what is known of objects is still on its way. */
export async function areEventsHeld(db: D1Database): Promise<boolean> {
  if (released.has(db)) return false;
  const { step } = await readMove(db);
  const isHeld = step === "begin" ? await hasOldRows(db) : isBefore(step, "archive");
  if (!isHeld) released.add(db);
  return isHeld;
}

/** Whether events of the ledger of before are not all in the log yet. */
export async function isLogIncomplete(db: D1Database): Promise<boolean> {
  if (complete.has(db)) return false;
  const { step } = await readMove(db);
  const isIncomplete = step === "begin" ? await hasOldRows(db) : isBefore(step, "rest");
  if (!isIncomplete) complete.add(db);
  return isIncomplete;
}

/** Tables of the ledger of before, in the order in which they are dropped: triggers go before what they write to. */
export const OLD_TABLES = [
  "runs",
  "run_history",
  "tallies",
  "dead_letters",
  "tracked",
  "event_identities",
  "events",
  "archived",
  "segments",
  "archive_passes",
  "replay_counts",
];

/** Whether a ledger of before has anything that is to be moved. */
export async function hasOldRows(db: D1Database): Promise<boolean> {
  const some = ["events", "runs", "tracked", "dead_letters", "tallies", "segments", "replay_counts"]
    .map((table) => `EXISTS (SELECT 1 FROM ${table})`)
    .join(" OR ");
  return (await db.prepare(`SELECT ${some} AS some`).first<{ some: number }>())?.some === 1;
}

/** How far a move has come, for a person; null where none is under way. */
export interface MoveProgress {
  step: MoveStep;
  events: number;
  of: number;
  /** Objects of the archive that were not in the bucket, so that what they held is lost. */
  missing: number;
  /** Whether events wait for it. */
  held: boolean;
}

export async function describeMove(db: D1Database): Promise<MoveProgress | null> {
  const { step, moved, total, missing } = await readMove(db);
  if (!isBefore(step, "done")) return null;
  if (step === "begin" && !(await hasOldRows(db))) return null;
  return { step, events: moved, of: total, missing, held: isBefore(step, "archive") };
}
