// Dead letters: jobs that will not be tried again, with why. They are redriven or dropped, each once.
import type { D1Database } from "@cloudflare/workers-types";
import type { Event } from "../../shapes/event.ts";
import type { Job } from "../../shapes/job.ts";
import type { DeadJob, LetterChoice, PendingRun } from "./contract.ts";
import { PENDING_MS, RANK } from "./runs.ts";
import { field, fields } from "./sql.ts";

export type { DeadJob, LetterChoice } from "./contract.ts";

/** Records dead letters and ends their runs, in one transaction. A second copy changes nothing. */
export async function recordDead(db: D1Database, dead: DeadJob[], now: number): Promise<void> {
  if (dead.length === 0) return;
  const rows = JSON.stringify(
    dead.map(({ job, failure, attempts }) => ({
      run_id: job.run_id,
      alias: job.alias,
      job: JSON.stringify(job),
      failure: failure && JSON.stringify(failure),
      attempts,
    })),
  );
  await db.batch([db.prepare(SQL.end).bind(rows, now), db.prepare(SQL.letters).bind(rows, now)]);
}

/**
 * Takes letters away and opens their runs again, in one transaction: a second redrive finds none. Those of
 * a paused pipeline are marked: they wait, as all of its runs do.
 */
export async function takeForRedrive(
  db: D1Database,
  choice: LetterChoice,
  now: number,
  limit: number,
): Promise<{ run: PendingRun; event: Event; waits: boolean }[]> {
  const chosen = bindChoice(choice, limit);
  const [letters] = await db.batch<{ job: string; attempts: number; waits: number }>([
    db
      .prepare(
        `SELECT job, attempts, alias IN (SELECT alias FROM paused) AS waits
         FROM dead_letters ${CHOSEN} ORDER BY at, run_id LIMIT ?4`,
      )
      .bind(...chosen),
    db.prepare(SQL.reopen).bind(...chosen, now + PENDING_MS),
    db.prepare(SQL.take).bind(...chosen),
  ]);
  return (letters?.results ?? []).map((row) => {
    const job = JSON.parse(row.job) as Job;
    const run = {
      run_id: job.run_id,
      event_id: job.event.id,
      alias: job.alias,
      cause: job.cause,
      attempt: row.attempts,
      forgiven: row.attempts,
    };
    return { run, event: job.event, waits: row.waits === 1 };
  });
}

/** Ends letters for good, with a reason. Returns how many. */
export async function dropLetters(
  db: D1Database,
  choice: LetterChoice,
  reason: string,
  now: number,
): Promise<number> {
  const chosen = bindChoice(choice, -1);
  const [, taken] = await db.batch([
    db.prepare(SQL.drop).bind(...chosen, reason, now),
    db.prepare(SQL.take).bind(...chosen),
  ]);
  return taken?.meta.changes ?? 0;
}

const bindChoice = ({ run_ids, alias, kind }: LetterChoice, limit: number) =>
  [run_ids ? JSON.stringify(run_ids) : null, alias ?? null, kind ?? null, limit] as const;

const CHOSEN = `
  WHERE (?1 IS NULL OR run_id IN (SELECT value FROM json_each(?1)))
    AND (?2 IS NULL OR alias = ?2) AND (?3 IS NULL OR failure ->> '$.kind' = ?3)`;
const CHOSEN_IDS = `SELECT run_id FROM dead_letters ${CHOSEN} ORDER BY at, run_id LIMIT ?4`;

/** Rank of a redriven run: past the attempt that ended it, before the next. */
const REDRIVEN_RANK = RANK.dead + 1;

const SQL = {
  // A redriven run is past its old letters: one that comes late, or twice, does not end it again.
  end: `
    UPDATE runs SET status = 'dead', ended_at = ?2, due_at = NULL,
      attempt = max(attempt, coalesce(${field("attempts")}, attempt)),
      progress = max(progress, coalesce(${field("attempts")}, attempt) * 10 + ${RANK.dead}),
      failure = coalesce(${field("failure")}, failure)
    FROM json_each(?1) AS j
    WHERE runs.id = ${field("run_id")} AND runs.status NOT IN ('succeeded', 'skipped', 'cancelled')
      AND runs.progress < coalesce(${field("attempts")}, runs.attempt) * 10 + ${REDRIVEN_RANK}`,
  // None of a run that has ended otherwise, be it hot or in the archive.
  letters: `
    INSERT INTO dead_letters (run_id, alias, job, failure, attempts, at)
    SELECT ${fields("run_id", "alias", "job")},
      coalesce(${field("failure")}, r.failure, '{"kind":"internal","detail":"the platform gave up on the job: its Worker ended without a report"}'),
      coalesce(${field("attempts")}, r.attempt, 0), ?2
    FROM json_each(?1) AS j LEFT JOIN runs AS r ON r.id = ${field("run_id")}
    WHERE r.status = 'dead' OR (r.status IS NULL
      AND NOT EXISTS (SELECT 1 FROM archived AS a WHERE a.id = unhex(substr(${field("run_id")}, 5, 32))))
    ON CONFLICT (run_id) DO NOTHING`,
  reopen: `
    UPDATE runs SET status = 'pending', reason = 'redriven', ended_at = NULL, due_at = ?5, forgiven = attempt,
      progress = attempt * 10 + ${REDRIVEN_RANK}
    WHERE status = 'dead' AND id IN (${CHOSEN_IDS})`,
  drop: `
    UPDATE runs SET status = 'cancelled', reason = ?5, ended_at = ?6, due_at = NULL
    WHERE status = 'dead' AND id IN (${CHOSEN_IDS})`,
  take: `DELETE FROM dead_letters WHERE run_id IN (${CHOSEN_IDS})`,
};
