// Moves events that were not yet archived, with their runs, histories and letters: to their shards what late reports and
// open runs need, and to the log events with their outcomes and the runs that have ended.
import type { D1Database } from "@cloudflare/workers-types";
import type { Event } from "../../shapes/event.ts";
import type { Job } from "../../shapes/job.ts";
import type { EventOutcome, RunState } from "../log/contract.ts";
import type { EventLine } from "../log/lines.ts";
import { payloadKey } from "../payloads.ts";
import {
  emptyPage,
  type OldLedgerDeps,
  type PagedStep,
  PageParts,
  type TakenPage,
  writeLines,
} from "./page.ts";
import {
  endOf,
  heldOfOld,
  isOldOpen,
  type OldLetter,
  type OldRun,
  recordOfOld,
  renameEvent,
  runOfLetter,
} from "./rows.ts";
import type { MoveState } from "./state.ts";

/** Events of a page at most, and characters. */
const PAGE_EVENTS = 500;
const PAGE_CHARS = 4_000_000;
/** Days within which a report of a known event may still come. */
export const LATE_DAYS = 45;
export const DAY_MS = 86_400_000;

/** Events by their rows, in the order in which they were recorded. */
export const hotEvents: PagedStep<number> = {
  bound: (deps, state, after) => boundOf(deps, SQL.bound, after ?? firstOf(state)),
  async take(deps, state, after, upto) {
    return takeEvents(deps, state, await readEvents(deps.stores.ledger, after ?? firstOf(state), upto));
  },
};

/** The last look begins where the first ended. */
const firstOf = ({ step, event }: MoveState) => (step === "late" ? event : 0);

/** Letters of jobs whose runs the ledger did not know. */
export const loneLetters: PagedStep<number> = {
  bound: (deps, _, after) => boundOf(deps, SQL.letterBound, after ?? 0),
  async take(deps, state, after, upto) {
    const { results } = await deps.stores.ledger
      .prepare(SQL.loneLetters)
      .bind(after ?? 0, upto)
      .all<OldLetter>();
    const parts = new PageParts(deps, state);
    const renamed: TakenPage["renamed"] = [];
    for (const letter of results) {
      const job = JSON.parse(letter.job) as Job;
      const event = renameEvent(job.event);
      const run = runOfLetter(letter, job.cause);
      parts.ofEvent(event.id).runs.push(heldOfOld(run, event, [], letter, deps));
      await copyPayload(deps, job.event, event);
      renamed.push({ old: job.event.id, new: event.id, open: true });
    }
    await parts.send(deps.now);
    return { ...emptyPage, renamed };
  },
};

async function boundOf({ stores, pageRows = PAGE_EVENTS }: OldLedgerDeps, sql: string, after: number) {
  const row = await stores.ledger.prepare(sql).bind(after, pageRows, PAGE_CHARS).first<{ place: number }>();
  return row?.place ?? null;
}

/** An event of before with all that belongs to it. */
interface OldEntry {
  event: Event;
  outcome: EventOutcome;
  runs: { run: OldRun; history: RunState[]; letter?: OldLetter | undefined }[];
}

type HistoryRow = RunState & { run_id: string };

async function readEvents(db: D1Database, after: number, upto: number): Promise<OldEntry[]> {
  const [events, runs, states, letters] = await db.batch<unknown>(
    [SQL.events, SQL.runs, SQL.history, SQL.letters].map((sql) => db.prepare(sql).bind(after, upto)),
  );
  const rows = <Row>(of: typeof events) => (of?.results ?? []) as Row[];
  const runsOf = Map.groupBy(rows<OldRun>(runs), ({ event_id }) => event_id);
  const historyOf = Map.groupBy(rows<HistoryRow>(states), ({ run_id }) => run_id);
  const letterOf = new Map(rows<OldLetter>(letters).map((letter) => [letter.run_id, letter]));
  return rows<{ id: string; envelope: string; outcome: string }>(events).map(({ id, envelope, outcome }) => ({
    event: JSON.parse(envelope) as Event,
    outcome: JSON.parse(outcome) as EventOutcome,
    runs: (runsOf.get(id) ?? []).map((run) => ({
      run,
      history: (historyOf.get(run.id) ?? []).map(({ run_id: _, ...state }) => state),
      letter: letterOf.get(run.id),
    })),
  }));
}

async function takeEvents(deps: OldLedgerDeps, state: MoveState, entries: OldEntry[]): Promise<TakenPage> {
  const parts = new PageParts(deps, state);
  const lines: EventLine[] = [];
  const renamed: TakenPage["renamed"] = [];
  for (const { event: old, outcome, runs } of entries) {
    const event = renameEvent(old);
    const part = parts.ofEvent(event.id);
    const isHeld = ({ run, letter }: OldEntry["runs"][number]) => isOldOpen(run) || letter !== undefined;
    const held = runs.filter(isHeld);
    const ended = runs.filter((one) => !isHeld(one));
    rememberIn(part, event, deps.now, held.length > 0);
    for (const { run, history, letter } of held) part.runs.push(heldOfOld(run, event, history, letter, deps));
    for (const { run, history } of ended) {
      part.ended.push(endedOf(run, event, history));
      if (run.replay_id) part.replays.push({ replay_id: run.replay_id, status: run.status, runs: 1 });
    }
    if (held.length > 0) await copyPayload(deps, old, event);
    const records = ended.map(({ run, history }) => recordOfOld(run, event, history));
    lines.push({ event, outcome, ...(records.length > 0 && { runs: records }) });
    renamed.push({ old: old.id, new: event.id, open: held.length > 0 });
  }
  await parts.send(deps.now);
  const objects = await writeLines(deps.archive, lines);
  return { events: entries.length, objects, missing: 0, renamed };
}

/** Notes an event in its shard where a report of it may still come, or where its runs are there. */
export function rememberIn(
  part: ReturnType<PageParts["ofNumber"]>,
  event: Event,
  now: number,
  isNeeded: boolean,
): void {
  const at = Date.parse(event.received_at);
  if (!isNeeded && at < now - LATE_DAYS * DAY_MS) return;
  const { id, connection, bucket, key, time, received_at, identities } = event;
  // What an open run belongs to is known for as long as if it came now.
  part.events.push({
    event: { id, connection, bucket, key, time, received_at, identities },
    at: isNeeded ? Math.max(at, now) : at,
  });
}

/** A run that has ended, as lists show it. */
export const endedOf = (run: OldRun, event: Event, history: RunState[]) => ({
  run: recordOfOld(run, event, history),
  closed_at: endOf(run, history),
});

/** A payload that travels by reference lies under its event's id. */
async function copyPayload({ archive }: OldLedgerDeps, old: Event, event: Event): Promise<void> {
  if (!event.payload_ref) return;
  const payload = await archive.get(payloadKey(old));
  if (!payload) return;
  await archive.put(payloadKey(event), await payload.text(), {
    httpMetadata: { contentType: "application/json" },
  });
}

const IN_PAGE = "e.rowid > ?1 AND e.rowid <= ?2";

/** The last row of a page: as many rows as there is room for, and one at least. */
const boundSql = (page: string) => `
  WITH page AS (${page}), summed AS (
    SELECT place, row_number() OVER (ORDER BY place) AS n, sum(chars) OVER (ORDER BY place) AS chars FROM page)
  SELECT max(place) AS place FROM summed WHERE n = 1 OR chars <= ?3`;

const SQL = {
  bound: boundSql(`
    SELECT e.rowid AS place, length(e.envelope) + length(e.outcome)
      + (SELECT coalesce(sum(1500 + coalesce(length(r.log), 0)), 0) FROM runs AS r WHERE r.event_id = e.id) AS chars
    FROM events AS e WHERE e.rowid > ?1 ORDER BY e.rowid LIMIT ?2`),
  letterBound: boundSql(
    "SELECT rowid AS place, length(job) AS chars FROM dead_letters WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
  ),
  events: `SELECT e.id, e.envelope, e.outcome FROM events AS e WHERE ${IN_PAGE} ORDER BY e.rowid`,
  runs: `
    SELECT r.* FROM events AS e CROSS JOIN runs AS r ON r.event_id = e.id
    WHERE ${IN_PAGE} ORDER BY r.created_at DESC, r.id DESC`,
  history: `
    SELECT h.run_id, h.at, h.status, h.attempt, h.cause
    FROM events AS e CROSS JOIN runs AS r ON r.event_id = e.id CROSS JOIN run_history AS h ON h.run_id = r.id
    WHERE ${IN_PAGE} ORDER BY h.run_id, h.at, h.rowid`,
  letters: `
    SELECT d.* FROM events AS e CROSS JOIN runs AS r ON r.event_id = e.id
      CROSS JOIN dead_letters AS d ON d.run_id = r.id
    WHERE ${IN_PAGE}`,
  loneLetters: `
    SELECT d.* FROM dead_letters AS d
    WHERE d.rowid > ?1 AND d.rowid <= ?2 AND NOT EXISTS (SELECT 1 FROM runs AS r WHERE r.id = d.run_id)`,
};
