// R2's notifications, proven by the binding of their queue. A bucket may belong to several connections, and its message
// is an event of each; a message that is no event of any connection is quarantined with the reason.
import type { Connections } from "../shapes/connection.ts";
import type { Event } from "../shapes/event.ts";
import { fail } from "../shapes/failure.ts";
import type { Quarantined } from "./normalise/contract.ts";
import { r2 } from "./normalise/r2.ts";

/** The parts of a queue's message that are read here. */
export interface QueueMessage {
  id: string;
  timestamp: Date;
  body: unknown;
}

/**
 * Events of a batch of R2's messages.
 *
 * @returns events in the order of the messages, and quarantined records by their message's place in the batch.
 */
export function receiveR2(
  messages: readonly QueueMessage[],
  { connections }: Connections,
): { events: Event[]; quarantined: Quarantined[] } {
  const events: Event[] = [];
  const quarantined: Quarantined[] = [];
  for (const [index, { body, timestamp }] of messages.entries()) {
    const context = { connection: "", receivedAt: timestamp.getTime() };
    const readable = r2(body, context);
    const owners = readable.ok ? ownersOf(readable.value.bucket, connections) : [];
    for (const connection of owners) {
      const event = r2(body, { ...context, connection });
      if (event.ok) events.push(event.value);
    }
    if (owners.length > 0) continue;
    const { failure } = readable.ok ? unknownBucket(readable.value.bucket) : readable;
    quarantined.push({ index, failure, raw: body });
  }
  return { events, quarantined };
}

function ownersOf(bucket: string, connections: Connections["connections"]): string[] {
  return Object.entries(connections)
    .filter(([, connection]) => connection.kind === "r2" && connection.buckets.includes(bucket))
    .map(([id]) => id);
}

const unknownBucket = (bucket: string) =>
  fail("forbidden", `No R2 connection has the bucket ${JSON.stringify(bucket)}.`, {
    where: "bucket",
    next: "Add the bucket to a connection of kind r2 in connections.json, or remove its notification rule.",
  });
