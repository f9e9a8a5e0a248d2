// Dead letters of a shard: runs that will not be tried again, until somebody redrives or drops them.
import type { DueRun, Letter, LetterCause, LetterChoice, Place } from "../contract.ts";
import { endByHand, leave, redrivenProgress } from "./endings.ts";
import {
  dueOf,
  eventOf,
  findRun,
  type HeldRun,
  idOfRun,
  keepRun,
  noteState,
  RUN_ID,
  selectRuns,
} from "./held-runs.ts";
import type { ShardTables } from "./tables.ts";

/** Newest first. */
export function listLetters(
  tables: ShardTables,
  { alias, after, limit }: { alias?: string | undefined; after?: Place | undefined; limit: number },
): Letter[] {
  const conditions = ["true"];
  const bindings: unknown[] = [];
  if (alias !== undefined) {
    conditions.push("alias = ?");
    bindings.push(alias);
  }
  if (after) {
    conditions.push(`(closed_at, ${RUN_ID}) < (?, ?)`);
    bindings.push(after.at, after.id);
  }
  const condition = `${conditions.join(" AND ")} ORDER BY closed_at DESC, id DESC, alias DESC LIMIT ?`;
  return selectRuns(tables, condition, [...bindings, limit], ["letters"]).map((run) => letterOf(run, []));
}

/** A letter with every state that its run has been in. */
export function findLetter(tables: ShardTables, run_id: string): Letter | null {
  const run = findRun(tables, run_id);
  return run?.place === "letters" ? letterOf(run, run.detail.history) : null;
}

function letterOf(run: HeldRun, history: Letter["history"]): Letter {
  const { failure, attempts } = run.detail.letter ?? {
    failure: { kind: "internal", detail: "" },
    attempts: run.detail.attempt,
  };
  const cause = run.detail.cause;
  return {
    ...{ run_id: idOfRun(run), alias: run.alias, cause, event: eventOf(run), failure, attempts },
    at: run.closed_at ?? 0,
    history,
  };
}

/** Most causes that are listed. */
const MAX_CAUSES = 200;

// Beside max(), SQLite gives the other columns of the row that has it: the newest letter of each cause.
const CAUSES = `
  SELECT alias, detail ->> '$.letter.failure.kind' AS kind, ${RUN_ID} AS run_id, count(*) AS count,
    max(closed_at) AS newest,
    CASE WHEN event ->> '$.key' = '' THEN detail ->> '$.letter.failure.detail'
      ELSE replace(detail ->> '$.letter.failure.detail', event ->> '$.key', '<key>') END AS text
  FROM letters WHERE ? IS NULL OR alias = ?
  GROUP BY alias, kind, text ORDER BY count DESC, newest DESC LIMIT ${MAX_CAUSES}`;

/** Letters counted by pipeline and cause, most first. */
export function listCauses(tables: ShardTables, alias?: string): LetterCause[] {
  return tables.database
    .all<Omit<LetterCause, "detail"> & { text: string }>(CAUSES, alias ?? null, alias ?? null)
    .map(({ text, ...cause }) => ({ ...cause, detail: text }));
}

/** Chosen letters, oldest first. */
function chooseLetters(
  tables: ShardTables,
  { run_ids, alias, kind }: LetterChoice,
  limit: number,
): HeldRun[] {
  if (run_ids)
    return [...new Set(run_ids)]
      .flatMap((run_id) => findRun(tables, run_id) ?? [])
      .filter((run) => run.place === "letters" && (alias ?? run.alias) === run.alias)
      .filter((run) => kind === undefined || run.detail.letter?.failure.kind === kind)
      .slice(0, limit);
  const condition = `(? IS NULL OR alias = ?) AND (? IS NULL OR detail ->> '$.letter.failure.kind' = ?)
    ORDER BY closed_at, id, alias LIMIT ?`;
  const bindings = [alias ?? null, alias ?? null, kind ?? null, kind ?? null, limit];
  return selectRuns(tables, condition, bindings, ["letters"]);
}

/** Takes letters away and opens their runs again. Within a transaction. */
export function redriveLetters(
  tables: ShardTables,
  choice: LetterChoice,
  { now, limit, paused }: { now: number; limit: number; paused: string[] },
): (DueRun & { waits: boolean })[] {
  return chooseLetters(tables, choice, limit).map((run) => {
    const { detail } = run;
    const waits = paused.includes(run.alias);
    leave(tables, run);
    run.status = waits ? "pending" : "queued";
    run.progress = redrivenProgress(detail.attempt);
    run.due_at = waits ? 0 : now + detail.wait_ms;
    detail.forgiven = detail.attempt;
    detail.reason = "redriven";
    delete detail.ended_at;
    noteState(run, now, detail.reason);
    keepRun(tables, run, "letters");
    return { ...dueOf(run), waits };
  });
}

/** Letters that are dropped in one call. */
const MAX_DROPPED = 5_000;

/** Ends letters for good. Returns how many. Within a transaction. */
export function dropLetters(tables: ShardTables, choice: LetterChoice, reason: string, now: number): number {
  const runs = chooseLetters(tables, choice, MAX_DROPPED);
  for (const run of runs) {
    endByHand(tables, run, reason, now);
    keepRun(tables, run, "letters");
  }
  return runs.length;
}
