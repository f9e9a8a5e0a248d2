// The router's queues. A message is acknowledged when what it says is recorded, and not before. Where a store
// does not answer, the whole batch comes again later; where one message is to blame, its neighbours do not
// suffer for it. One that cannot be read is put on record and never tried again.
import type { Message, MessageBatch } from "@cloudflare/workers-types";
import { receiveR2 } from "../receive/r2-queue.ts";
import { advance, type ReplayMessage } from "../replay/advance.ts";
import type { RouterDeps } from "../routing/deps.ts";
import { dispatchRuns, route } from "../routing/route.ts";
import { QUEUES } from "../shapes/bindings.ts";
import { type Event, eventSchema } from "../shapes/event.ts";
import { partsOfRun } from "../shapes/event-id.ts";
import type { Failure } from "../shapes/failure.ts";
import type { Job } from "../shapes/job.ts";
import { logError, logWarning } from "../shapes/log.ts";
import type { Report } from "../shapes/run.ts";
import type { RunMessage } from "../shapes/run-message.ts";
import { isPassing } from "../store/failure.ts";
import type { DeadJob } from "../store/ledger/contract.ts";
import { recordDeaths } from "../store/ledger/deaths.ts";
import { pauseFull } from "../store/ledger/pauses.ts";
import { recordRefused } from "../store/ledger/rejections.ts";
import { renameJobs, renameReports } from "../store/moving/old-jobs.ts";
import { areEventsHeld } from "../store/moving/state.ts";
import { openStores } from "../store/stores.ts";

/** Seconds until a message is delivered again; doubles with each delivery, to 10 minutes. */
const RETRY_SECONDS = 5;
const MAX_RETRY_SECONDS = 600;
/** Seconds between deliveries from the dead-letter queue: after an hour of tries, hourly for four days. */
const DEAD_RETRY_SECONDS = 3600;

type Messages = readonly Message<unknown>[];

/** Takes in a batch of any of the router's queues; messages that could not be recorded are delivered again. */
export async function consume({ queue, messages }: MessageBatch<unknown>, deps: RouterDeps): Promise<void> {
  try {
    return await consumeFrom(queue, messages, deps);
  } catch (error) {
    if (messages.length === 1 || isPassing(error)) return retryLater(queue, messages, String(error));
  }
  for (const message of messages)
    await consumeFrom(queue, [message], deps).catch((error) => retryLater(queue, [message], String(error)));
}

async function consumeFrom(queue: string, messages: Messages, deps: RouterDeps): Promise<void> {
  switch (queue) {
    case QUEUES.reports:
      return consumeReports(queue, messages, deps);
    case QUEUES.replays:
      if (await putBack(queue, messages, deps)) return;
      for (const { body } of messages) await advance(body as ReplayMessage, deps);
      return;
    case QUEUES.r2Events:
      return consumeR2(queue, messages, deps);
    case QUEUES.events:
      return consumeEvents(queue, messages, deps);
    case QUEUES.eventsDead: {
      // Dead messages of all router queues; the body's shape says which.
      const { reports = [], events = [], others = [] } = Object.groupBy(messages, kindOf);
      await consumeReports(queue, reports, deps);
      await consumeEvents(queue, events, deps);
      return consumeR2(queue, others, deps);
    }
    default:
      // The dead-letter queue of all pipelines, and those that each had before.
      return buryAll(queue, messages, deps);
  }
}

function kindOf({ body }: Message<unknown>): "reports" | "events" | "others" {
  if (typeof body !== "object" || body === null) return "others";
  return "kind" in body || "run_id" in body ? "reports" : "identities" in body ? "events" : "others";
}

function retryLater(queue: string, messages: Messages, why: string): void {
  for (const message of messages) {
    const delaySeconds =
      queue === QUEUES.eventsDead
        ? DEAD_RETRY_SECONDS
        : Math.min(MAX_RETRY_SECONDS, RETRY_SECONDS * 2 ** message.attempts);
    logWarning("message.again", { queue, id: message.id, delaySeconds, why });
    message.retry({ delaySeconds });
  }
}

/** A message as it is sent today: an older pipeline sends a report by itself. */
const messageOf = (body: RunMessage | Report): RunMessage =>
  "kind" in body ? body : { kind: "finish", reports: [body] };

/** Does what the shards and the pipelines say: reports and deaths are recorded before what is due is dispatched. */
async function consumeReports(queue: string, messages: Messages, deps: RouterDeps): Promise<void> {
  const all = messages.map(({ body }) => messageOf(body as RunMessage | Report));
  const dead = all.flatMap((message) => (message.kind === "dead" ? [message] : []));
  const full = all.flatMap((message) => (message.kind === "full" ? [message] : []));
  const due = all.flatMap((message) => (message.kind === "due" ? message.runs : []));
  const { ledger } = openStores(deps);
  await finishRuns(
    queue,
    all.flatMap(({ kind }, at) => (kind === "finish" && messages[at] ? [messages[at]] : [])),
    deps,
  );
  await recordDeaths(ledger, dead);
  await pauseFull(ledger, full, deps.now());
  await dispatchRuns(due, deps);
}

/** Gives reports to the runs' shards. Those of runs that are still on their way into a shard come again. */
async function finishRuns(queue: string, messages: Messages, deps: RouterDeps): Promise<void> {
  if (messages.length === 0) return;
  const { ledger, shards } = openStores(deps);
  const reported = messages.map(({ body }) => {
    const message = messageOf(body as RunMessage | Report);
    return message.kind === "finish" ? message.reports : [];
  });
  const reports = await renameReports(ledger, reported.flat());
  const unknown = new Set(await shards.finish(reports, { now: deps.now() }));
  if (unknown.size === 0 || !(await areEventsHeld(ledger))) return;
  let at = 0;
  for (const [index, message] of messages.entries()) {
    const own = reports.slice(at, at + (reported[index]?.length ?? 0));
    at += own.length;
    if (own.some(({ run_id }) => unknown.has(run_id))) retryLater(queue, [message], MOVING);
  }
}

/** Hands dead jobs to the shards of their runs. Only Weir writes to these queues: what is no job is logged and let go. */
async function buryAll(queue: string, messages: Messages, deps: RouterDeps): Promise<void> {
  if (await putBack(queue, messages, deps)) return;
  const jobs = messages.flatMap((message): DeadJob[] => {
    const dead = deadJobOf(message);
    if (partsOfRun(String(dead.job?.run_id))) return [dead];
    logError("message.unreadable", { id: message.id });
    return [];
  });
  const { ledger, shards } = openStores(deps);
  await shards.bury(await renameJobs(ledger, jobs), deps.now());
}

const MOVING = "it waits until the ledger of the release before has been moved";

/** Has messages delivered again where a ledger of before is on its way into the shards. Returns whether it is. */
async function putBack(queue: string, messages: Messages, deps: RouterDeps): Promise<boolean> {
  if (messages.length === 0 || !(await areEventsHeld(deps.env.ledger()))) return false;
  retryLater(queue, messages, MOVING);
  return true;
}

/** The dead job of a message: with its failure, or the bare job where the platform gave up on it. */
function deadJobOf({ body }: Message<unknown>): DeadJob {
  if (typeof body === "object" && body !== null && "job" in body) return body as DeadJob;
  return { job: body as Job };
}

// Quarantine comes last: what is recorded twice there would be two rows, and an event is one however often.
async function consumeEvents(queue: string, messages: Messages, deps: RouterDeps): Promise<void> {
  if (await putBack(queue, messages, deps)) return;
  const read = messages.map((message) => ({ message, event: eventSchema.safeParse(message.body) }));
  const events = read.flatMap(({ message, event }) =>
    event.success ? [{ message, event: event.data }] : [],
  );
  await routeAll(queue, events, deps);
  const unreadable = read.flatMap(({ message, event }) =>
    event.success ? [] : [{ message, error: event.error }],
  );
  await quarantine(
    unreadable.map(({ message, error }) => ({
      raw: message.body,
      failure: { kind: "malformed", detail: error.message },
    })),
    deps,
  );
}

async function consumeR2(queue: string, messages: Messages, deps: RouterDeps): Promise<void> {
  if (await putBack(queue, messages, deps)) return;
  const received = messages.map((message) => ({ message, ...receiveR2([message], deps.connections) }));
  const events = received.flatMap(({ message, events }) => events.map((event) => ({ message, event })));
  await routeAll(queue, events, deps);
  const refused = received.flatMap(({ quarantined }) => quarantined);
  await quarantine(refused, deps);
}

/** Routes events and tries again the messages of those that could not be decided. The rest is acknowledged by returning. */
async function routeAll(
  queue: string,
  events: { message: Message<unknown>; event: Event }[],
  deps: RouterDeps,
): Promise<void> {
  const undecided = await route(
    events.map(({ event }) => event),
    deps,
  );
  for (const { message, event } of events) {
    const why = undecided.get(event.id);
    if (why !== undefined) retryLater(queue, [message], why);
  }
}

async function quarantine(entries: { raw: unknown; failure: Failure }[], deps: RouterDeps): Promise<void> {
  const at = deps.now();
  await recordRefused(
    deps.env.ledger(),
    entries.map(({ raw, failure }) => ({
      connection: "(queue)",
      scheme: "r2-queue",
      failure,
      raw: JSON.stringify(raw) ?? "null",
      at,
    })),
  );
}
