// Replays on record: the request, the plan, and the number of the next page. Progress is counted by
// the shards (replay/progress.ts).
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";
import { emptyPlan, type ReplayPlan, type ReplayRequest } from "../../shapes/replay.ts";

/** `draining`: every page is enqueued, and runs are still open. */
export type ReplayPhase = "planning" | "running" | "draining";
export type ReplayStatus = "active" | "paused" | "cancelled" | "done";

export interface ReplayRecord {
  id: string;
  status: ReplayStatus;
  phase: ReplayPhase;
  request: ReplayRequest;
  plan: ReplayPlan;
  cursor: string | null;
  page: number;
  created_at: number;
  moved_at: number;
  ended_at: number | null;
}
/** A replay as it is stored, request and plan as JSON. */
export type ReplayRow = Omit<ReplayRecord, "request" | "plan"> & { request: string; plan: string };

export const replayOf = (row: ReplayRow): ReplayRecord => ({
  ...row,
  request: JSON.parse(row.request) as ReplayRequest,
  // A plan of an older version says less.
  plan: { ...emptyPlan(), ...(JSON.parse(row.plan) as ReplayPlan) },
});

/** Replays that may be under way or paused at once: each is a message that goes round, and a list that is read. */
export const MAX_OPEN_REPLAYS = 50;

/** Puts a replay on record. @returns whether there was room for another */
export async function insertReplay(db: D1Database, replay: ReplayRecord): Promise<boolean> {
  const { id, status, phase, request, plan, created_at, moved_at } = replay;
  const { meta } = await db
    .prepare(
      `INSERT INTO replays (id, status, phase, request, plan, created_at, moved_at)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
       WHERE (SELECT count(*) FROM replays WHERE status IN ('active', 'paused')) < ?8`,
    )
    .bind(
      id,
      status,
      phase,
      JSON.stringify(request),
      JSON.stringify(plan),
      created_at,
      moved_at,
      MAX_OPEN_REPLAYS,
    )
    .run();
  return meta.changes > 0;
}

export async function getReplay(db: D1Database, id: string): Promise<ReplayRecord | null> {
  const row = await db.prepare("SELECT * FROM replays WHERE id = ?").bind(id).first<ReplayRow>();
  return row && replayOf(row);
}

/** Moves to the next page, or phase, if the replay is still active and at this page: a page is taken once. */
export function turnPage(
  db: D1Database,
  at: Pick<ReplayRecord, "id" | "page">,
  to: Pick<ReplayRecord, "status" | "phase" | "plan" | "cursor">,
  now: number,
): D1PreparedStatement {
  const ended = to.status === "done" ? now : null;
  return db
    .prepare(
      `UPDATE replays SET page = page + 1, status = ?3, phase = ?4, plan = ?5, cursor = ?6, moved_at = ?7, ended_at = ?8
       WHERE id = ?1 AND page = ?2 AND status = 'active'`,
    )
    .bind(at.id, at.page, to.status, to.phase, JSON.stringify(to.plan), to.cursor, now, ended);
}

/** Changes the status if it is one of `from`. Returns whether it was. */
export async function changeStatus(
  db: D1Database,
  id: string,
  from: ReplayStatus[],
  to: ReplayStatus,
  now: number,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `UPDATE replays SET status = ?3, moved_at = ?4, ended_at = CASE WHEN ?3 IN ('cancelled', 'done') THEN ?4 END
       WHERE id = ?1 AND status IN (SELECT value FROM json_each(?2))`,
    )
    .bind(id, JSON.stringify(from), to, now)
    .run();
  return meta.changes === 1;
}

/** Gives a replay another budget, dollars. */
export async function changeBudget(db: D1Database, id: string, budget_usd: number): Promise<void> {
  await db
    .prepare("UPDATE replays SET request = json_set(request, '$.budget_usd', ?2) WHERE id = ?1")
    .bind(id, budget_usd)
    .run();
}

/** Active replays that have not moved since `before`: their message was lost, or their last runs have ended. */
export async function stuckReplays(db: D1Database, before: number): Promise<ReplayRecord[]> {
  const { results } = await db
    .prepare("SELECT * FROM replays WHERE status = 'active' AND moved_at < ?")
    .bind(before)
    .all<ReplayRow>();
  return results.map(replayOf);
}
