// The router's queues. A message is acknowledged when what it says is recorded, and not before; one that
// cannot be read is put on record and never tried again.
import type { RouterDeps } from "./deps.ts";
import { receiveR2 } from "./receive/r2-queue.ts";
import { advance, type ReplayMessage } from "./replay/advance.ts";
import { route } from "./route.ts";
import { type Event, eventSchema } from "./shapes/event.ts";
import type { Failure } from "./shapes/failure.ts";
import type { Job } from "./shapes/job.ts";
import type { Report } from "./shapes/run.ts";
import { type DeadJob, recordDead } from "./store/dead-letters.ts";
import { recordRefused } from "./store/rejections.ts";
import { takeReports } from "./store/runs.ts";

/** Seconds until an event whose object's store did not answer is delivered again; doubles to 10 minutes. */
const AGAIN_SECONDS = 5;

export async function consume(batch: MessageBatch<unknown>, deps: RouterDeps): Promise<void> {
  if (batch.queue === "weir-reports")
    return takeReports(
      deps.env.ledger(),
      batch.messages.map((message) => message.body as Report),
    );
  if (batch.queue === "weir-replays") {
    for (const message of batch.messages) await advance(message.body as ReplayMessage, deps);
    return;
  }
  if (batch.queue === "weir-r2-events") return consumeR2(batch.messages, deps);
  if (batch.queue === "weir-events" || batch.queue === "weir-events-dead")
    return consumeEvents(batch.messages, deps);
  return recordDead(deps.env.ledger(), batch.messages.map(deadJob), deps.now());
}

/** A dead job comes with its failure, or, where the platform gave up on it, as the bare job. */
function deadJob({ body }: Message<unknown>): DeadJob {
  if (typeof body === "object" && body !== null && "job" in body) return body as DeadJob;
  return { job: body as Job };
}

async function consumeEvents(messages: readonly Message<unknown>[], deps: RouterDeps): Promise<void> {
  const read = messages.map((message) => ({ message, event: eventSchema.safeParse(message.body) }));
  const events = read.flatMap(({ message, event }) =>
    event.success ? [{ message, event: event.data }] : [],
  );
  await quarantine(
    read.flatMap(({ message, event }) =>
      event.success ? [] : [{ raw: message.body, detail: event.error.message }],
    ),
    deps,
  );
  await routeAll(events, deps);
}

async function consumeR2(messages: readonly Message<unknown>[], deps: RouterDeps): Promise<void> {
  const { quarantined } = receiveR2(messages, deps.connections);
  await quarantine(
    quarantined.map(({ raw, failure }) => ({ raw, detail: failure.detail, failure })),
    deps,
  );
  const events = messages.flatMap((message) =>
    receiveR2([message], deps.connections).events.map((event) => ({ message, event })),
  );
  await routeAll(events, deps);
}

/** Routes events and tries again the messages of those that could not be decided. The rest is acknowledged by returning. */
async function routeAll(
  events: { message: Message<unknown>; event: Event }[],
  deps: RouterDeps,
): Promise<void> {
  const again = await route(
    events.map(({ event }) => event),
    deps,
  );
  for (const { message, event } of events) {
    const why = again.get(event.id);
    if (why === undefined) continue;
    console.warn(JSON.stringify({ log: "event.again", event_id: event.id, why, attempts: message.attempts }));
    message.retry({ delaySeconds: Math.min(600, AGAIN_SECONDS * 2 ** message.attempts) });
  }
}

async function quarantine(
  entries: { raw: unknown; detail: string; failure?: Failure }[],
  deps: RouterDeps,
): Promise<void> {
  const at = deps.now();
  await recordRefused(
    deps.env.ledger(),
    entries.map(({ raw, detail, failure }) => ({
      connection: "(queue)",
      scheme: "r2-queue",
      failure: failure ?? { kind: "malformed", detail },
      raw: JSON.stringify(raw) ?? "null",
      at,
    })),
  );
}
