// A replay, a page at a time. Each message of its queue takes it on from where it stands: while planning,
// pages are counted; while running, they are recorded as events and runs, and go to the pipelines' queues
// with a bounded number in flight, so that live events never wait behind a replay. A page that was cut off
// is taken again and adds nothing twice: its events' ids follow from the replay and the object.
import type { RegisteredPipeline } from "../dispatch/pipelines.ts";
import { compileFilter, evaluate, viewOf } from "../match/index.ts";
import { type DecidedEvent, recordWhole } from "../routing/record.ts";
import { dispatchRuns, type RouteDeps } from "../routing/route.ts";
import type { Event } from "../shapes/event.ts";
import { eventId } from "../shapes/event-id.ts";
import type { Failure } from "../shapes/failure.ts";
import { sha256Hex } from "../shapes/hash.ts";
import type { Candidate } from "../shapes/replay.ts";
import { openSource } from "../source/open.ts";
import { openCollection } from "../store/collections/open.ts";
import { getReplay, type ReplayRecord, stuckReplays, turnPage } from "../store/ledger/replays.ts";
import { areEventsHeld, isLogIncomplete } from "../store/moving/state.ts";
import { openStores } from "../store/stores.ts";
import { spentBudget } from "./budget.ts";
import { refusedBy, tooManyRemovals } from "./hold-back.ts";
import { type ReplayTarget, readPage } from "./pages.ts";
import { countPage, estimate } from "./plan.ts";
import { progressOf } from "./progress.ts";

/** Message that takes a replay on by its next page. An old message, of a page already taken, does nothing. */
export interface ReplayMessage {
  replay_id: string;
  page: number;
}

const PLAN_PAGE_OBJECTS = 1000;
const RUN_PAGE_OBJECTS = 100;
/** Runs of one replay that are open at once, at most: a live event of the same pipeline waits for no more than these. */
const MAX_OPEN_RUNS = 100;
/** Pages taken for one message, so that a long replay is many short invocations. */
const PAGES_PER_MESSAGE = 10;
const LOST_AFTER_MS = 60_000;
/** Delay of a replay over events that are still on their way into the log, seconds. */
const MOVING_SECONDS = 60;

/** Place of a replay: the number of its pipeline, and the cursor within that pipeline's objects. */
interface ReplayCursor {
  target: number;
  at?: string;
}

/** Takes a replay on, and sends the message for what is left. */
export async function advance({ replay_id, page }: ReplayMessage, deps: RouteDeps): Promise<void> {
  for (let taken = 0, at = page; ; taken++, at++) {
    const replay = await getReplay(deps.env.ledger(), replay_id);
    if (replay?.status !== "active" || replay.page !== at || replay.phase === "draining") return;
    if (taken === PAGES_PER_MESSAGE) return sendReplay(replay, deps);
    if (replay.request.select.kind === "events" && (await isLogIncomplete(deps.env.ledger())))
      return sendReplay(replay, deps, MOVING_SECONDS);
    // Resumed, it has no reason to be paused.
    const resumed = { ...replay, plan: { ...replay.plan, stopped: undefined } };
    if (replay.phase === "planning") {
      await planPage(resumed, deps).catch((error) => pauseWithReason(resumed, refusedBy(error), deps));
      continue;
    }
    const { open } = await progressOf(openStores(deps), replay.id);
    if (open >= MAX_OPEN_RUNS) return sendReplay(replay, deps, 1);
    const overspent = await spentBudget(resumed, open, deps);
    if (overspent) return pauseWithReason(resumed, overspent, deps);
    const limit = Math.min(RUN_PAGE_OBJECTS, MAX_OPEN_RUNS - open);
    await runPage(resumed, limit, deps).catch((error) => pauseWithReason(resumed, refusedBy(error), deps));
  }
}

/** Pauses a replay where it stands, with the reason in its plan. */
async function pauseWithReason(
  replay: ReplayRecord,
  stopped: Failure,
  { env, now }: RouteDeps,
): Promise<void> {
  const to = { ...replay, status: "paused" as const, plan: { ...replay.plan, stopped } };
  await turnPage(env.ledger(), replay, to, now()).run();
}

export async function sendReplay(
  { id, page }: Pick<ReplayRecord, "id" | "page">,
  { env }: RouteDeps,
  delaySeconds = 0,
): Promise<void> {
  await env.queue<ReplayMessage>("REPLAYS").send({ replay_id: id, page }, { delaySeconds });
}

/** Takes up replays whose message was lost, and ends those whose last run has ended. */
export async function sweepReplays(deps: RouteDeps): Promise<void> {
  const now = deps.now();
  for (const replay of await stuckReplays(deps.env.ledger(), now - LOST_AFTER_MS)) {
    if (replay.phase !== "draining") await sendReplay(replay, deps);
    else await endIfDone(replay, deps);
  }
}

/** Ends a replay whose every page is enqueued and whose every run is final. */
export async function endIfDone(replay: ReplayRecord, deps: RouteDeps): Promise<ReplayRecord> {
  if (replay.status !== "active" || replay.phase !== "draining") return replay;
  // Its runs may be on their way into the shards that count them.
  if (await areEventsHeld(deps.env.ledger())) return replay;
  if ((await progressOf(openStores(deps), replay.id)).open > 0) return replay;
  await turnPage(deps.env.ledger(), replay, { ...replay, status: "done" }, deps.now()).run();
  return (await getReplay(deps.env.ledger(), replay.id)) ?? replay;
}

async function planPage(replay: ReplayRecord, deps: RouteDeps): Promise<void> {
  const stores = openStores(deps);
  const { next, ...page } = await nextCandidates(replay, PLAN_PAGE_OBJECTS, deps);
  const counted = await countPage(replay.plan, page, stores);
  const whole = next
    ? counted
    : await estimate(counted, stores, { now: deps.now(), prices: deps.pipelines.prices });
  const stopped = next ? undefined : await tooManyRemovals(whole, replay.request, stores);
  const plan = { ...whole, stopped };
  const over = replay.request.dry_run
    ? ({ phase: "draining", status: "done" } as const)
    : ({ phase: "running", status: stopped ? "paused" : replay.status } as const);
  const to = next
    ? { ...replay, plan, cursor: JSON.stringify(next) }
    : { ...replay, plan, cursor: null, ...over };
  await turnPage(stores.ledger, replay, to, deps.now()).run();
}

async function runPage(replay: ReplayRecord, limit: number, deps: RouteDeps): Promise<void> {
  const ledger = deps.env.ledger();
  const { found, next } = await nextCandidates(replay, limit, deps);
  const at = new Date(deps.now()).toISOString();
  const decided = found.map(({ alias, candidate }): DecidedEvent => {
    const outcome = { matched: [alias], refused: [], refused_count: 0 };
    return {
      event: eventOf(replay.id, alias, candidate, at),
      lookups: [],
      outcome,
      cause: "replayed",
      replay: replay.id,
    };
  });
  const due = await recordWhole(decided, deps);
  const to = next
    ? { ...replay, cursor: JSON.stringify(next) }
    : { ...replay, cursor: null, phase: "draining" as const };
  await turnPage(ledger, replay, to, deps.now()).run();
  await dispatchRuns(due, deps);
}

async function nextCandidates(replay: ReplayRecord, limit: number, deps: RouteDeps) {
  const cursor: ReplayCursor = replay.cursor === null ? { target: 0 } : JSON.parse(replay.cursor);
  const alias = replay.request.aliases[cursor.target] ?? "";
  const pipeline = deps.pipelines.get(alias);
  const following: ReplayCursor | undefined =
    cursor.target + 1 < replay.request.aliases.length ? { target: cursor.target + 1 } : undefined;
  // A pipeline that is no longer deployed has nothing to run.
  if (!pipeline) return { found: [], passed_over: 0, next: following };
  const target = targetOf(pipeline, deps);
  const page = await readPage(replay.request.select, target, cursor.at, limit);
  const kept = await selectPassing(page.candidates, replay, target);
  return {
    found: kept.map((candidate) => ({ alias, candidate })),
    passed_over: page.passed_over + page.candidates.length - kept.length,
    next: page.next === undefined ? following : { target: cursor.target, at: page.next },
  };
}

function targetOf(pipeline: RegisteredPipeline, { env, connections }: RouteDeps): ReplayTarget {
  const { source, destination } = pipeline.config;
  const connection = connections.connections[source.connection_id];
  return {
    pipeline,
    filter: compileFilter(source.filters),
    buckets: connection && connection.kind !== "d1" ? connection.buckets : [],
    source: openSource(source.connection_id, connections, env),
    collection: openCollection(destination, connections, env),
    stores: openStores({ env, connections }),
  };
}

/** Candidates that pass the replay's own filter; attributes on which the verdict hangs are looked up at the object. */
async function selectPassing(
  candidates: Candidate[],
  { id, request }: ReplayRecord,
  target: ReplayTarget,
): Promise<Candidate[]> {
  if (!request.filter) return candidates;
  const filter = compileFilter(request.filter);
  const passes = await Promise.all(
    candidates.map(async (candidate) => {
      const event = eventOf(id, target.pipeline.alias, candidate, "1970-01-01T00:00:00.000Z");
      const verdict = evaluate(filter, viewOf(event));
      if (verdict !== "unknown") return verdict;
      const seen = await target.source.observe(candidate.bucket, candidate.key);
      return seen !== null && evaluate(filter, viewOf(event, { ...seen, tags: {} })) === true;
    }),
  );
  return candidates.filter((_, at) => passes[at]);
}

function eventOf(replay: string, alias: string, candidate: Candidate, at: string): Event {
  const { connection, bucket, key, size, etag, replay_of } = candidate;
  const name = JSON.stringify([replay, alias, connection, bucket, key]);
  return {
    id: eventId({ time: at, received_at: at, key }, sha256Hex(name)),
    connection,
    sender: "replay",
    type: "created",
    operation: "Replay",
    bucket,
    key,
    time: at,
    received_at: at,
    identities: [],
    hops: 0,
    ...(size !== undefined && { size }),
    ...(etag !== undefined && { etag }),
    ...(replay_of !== undefined && { replay_of }),
  };
}
