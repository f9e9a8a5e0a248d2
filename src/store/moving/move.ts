// The move of a ledger of before the shards, a page at a time. A page is taken so: its end is put on record, each shard
// takes its part in once, the log is written, where twice is once, and old ids are kept in the transaction that turns to
// the next page. Cut off anywhere, the same page is taken again.
import { logInfo } from "../../shapes/log.ts";
import { hotEvents, loneLetters } from "./hot.ts";
import { keepOldIds } from "./old-ids.ts";
import type { OldLedgerDeps, PagedStep } from "./page.ts";
import { openReplays } from "./replays.ts";
import { olderSegments, recentSegments } from "./segments.ts";
import {
  hasOldRows,
  MOVE_STEPS,
  type MoveState,
  type MoveStep,
  OLD_TABLES,
  readMove,
  turnMove,
} from "./state.ts";
import { counts, trackedObjects } from "./tracked.ts";

/** Time from the first look on, ms, in which what the release before was just doing comes to its end. */
const SETTLE_MS = 60_000;
/** Time after which nothing of the release before is at work any more, ms: no invocation lives longer than 15 minutes. */
const REST_MS = 1_200_000;
/** Objects of the archive of before that are deleted at once. */
const SWEPT_OBJECTS = 1_000;

const PAGED: Partial<Record<MoveStep, PagedStep<never>>> = {
  tracked: trackedObjects as PagedStep<never>,
  counts: counts as PagedStep<never>,
  events: hotEvents as PagedStep<never>,
  letters: loneLetters as PagedStep<never>,
  recent: recentSegments as PagedStep<never>,
  replays: openReplays as PagedStep<never>,
  archive: olderSegments as PagedStep<never>,
  late: hotEvents as PagedStep<never>,
};

/** What moves beside what a page has: for how long events are kept, ms, at most. */
export interface MoveOptions extends OldLedgerDeps {
  keepMs: number;
}

/** Calls that a page costs beside the objects that it writes, about. */
const PAGE_CALLS = 10;

/** Takes the move one page or step on. Returns about how many calls that took; 0 where no more is to be done at once. */
export async function moveOn(options: MoveOptions): Promise<number> {
  const state = await readMove(options.stores.ledger);
  const paged = PAGED[state.step];
  if (paged) return turnPaged(options, state, paged);
  switch (state.step) {
    case "begin":
      return begin(options, state);
    case "rest":
      return options.now < (state.began_at ?? 0) + REST_MS ? 0 : turnTo(options, state, following("rest"));
    case "sweep":
      return sweep(options, state);
    case "drop":
      return drop(options, state);
    case "done":
      return forget(options, state);
    default:
      return 0;
  }
}

const following = (step: MoveStep) => MOVE_STEPS[MOVE_STEPS.indexOf(step) + 1] ?? "over";

/** Turns to a step. There is more to do, by this pass or by the one that was faster. */
async function turnTo(
  { stores }: OldLedgerDeps,
  state: MoveState,
  step: MoveStep,
  more: Partial<MoveState> = {},
) {
  await turnMove(stores.ledger, state, { ...more, step, after: null, upto: null }).run();
  if (step !== state.step) logInfo("moving.step", { step, events: more.moved ?? state.moved });
  return PAGE_CALLS;
}

async function begin(deps: OldLedgerDeps, state: MoveState): Promise<number> {
  const { ledger } = deps.stores;
  if (!(await hasOldRows(ledger))) return turnTo(deps, state, "drop");
  if (state.began_at !== null)
    return deps.now < state.began_at + SETTLE_MS ? 0 : turnTo(deps, state, following("begin"));
  const total = await ledger.prepare(TOTAL).first<{ events: number }>();
  await turnMove(ledger, state, { began_at: deps.now, total: total?.events ?? 0 }).run();
  logInfo("moving.begins", { events: total?.events });
  return 0;
}

async function turnPaged(deps: OldLedgerDeps, state: MoveState, step: PagedStep<never>): Promise<number> {
  const { ledger } = deps.stores;
  const place = (text: string | null) => (text === null ? null : (JSON.parse(text) as never));
  const after = place(state.after);
  const upto = place(state.upto);
  if (upto === null) {
    const next = await step.bound(deps, state, after);
    if (next === null) return turnTo(deps, state, following(state.step));
    await turnMove(ledger, state, { upto: JSON.stringify(next) }).run();
    return PAGE_CALLS;
  }
  const { events, objects, missing, renamed } = await step.take(deps, state, after, upto);
  const sums = {
    ...{ moved: state.moved + events, missing: state.missing + missing },
    ...((state.step === "events" || state.step === "late") && { event: upto as number }),
  };
  const next = await step.bound(deps, state, upto);
  if (next === null) logInfo("moving.step", { step: following(state.step), events: sums.moved });
  const turned = turnMove(
    ledger,
    state,
    next === null
      ? { ...sums, step: following(state.step), after: null, upto: null }
      : { ...sums, after: state.upto, upto: JSON.stringify(next) },
  );
  await ledger.batch([...(renamed.length > 0 ? [keepOldIds(ledger, renamed)] : []), turned]);
  return PAGE_CALLS + objects;
}

/** Deletes the objects of the archive of before, of which all that is kept is in the log. */
async function sweep(deps: OldLedgerDeps, state: MoveState): Promise<number> {
  const { objects } = await deps.archive.list({ prefix: "events/", limit: SWEPT_OBJECTS });
  if (objects.length === 0) return turnTo(deps, state, following("sweep"));
  await deps.archive.delete(objects.map(({ key }) => key));
  return PAGE_CALLS;
}

/** Drops the tables of before. A project that never had any of it keeps no ids either. */
async function drop(deps: OldLedgerDeps, state: MoveState): Promise<number> {
  const { ledger } = deps.stores;
  for (const table of OLD_TABLES) await ledger.prepare(`DROP TABLE IF EXISTS ${table}`).run();
  const isFresh = state.moved === 0 && state.began_at === null;
  await turnTo(deps, state, "done", { done_at: isFresh ? 0 : deps.now });
  return isFresh ? PAGE_CALLS : 0;
}

/** Drops old ids when the time of all events that had them is over. */
async function forget({ stores, now, keepMs }: MoveOptions, state: MoveState): Promise<number> {
  if (now < (state.done_at ?? now) + keepMs) return 0;
  await stores.ledger.batch([
    stores.ledger.prepare("DROP TABLE IF EXISTS old_ids"),
    turnMove(stores.ledger, state, { step: "over" }),
  ]);
  return 0;
}

const TOTAL = `
  SELECT (SELECT count(*) FROM events)
    + (SELECT coalesce(sum(events), 0) FROM segments WHERE state = 'kept') AS events`;
