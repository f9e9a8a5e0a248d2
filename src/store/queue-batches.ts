// Sends many messages in as few calls as Queues allow: 100 messages and 256 KB at once.

import type { Queue } from "@cloudflare/workers-types";

const MAX_MESSAGES = 100;
/** Room is left for what Queues add to each message. */
const MAX_BYTES = 240_000;

/** Sends all bodies, in order. Returns those that were sent when a call fails, and the error. */
export async function sendAll<T>(
  queue: Queue<T>,
  bodies: readonly T[],
): Promise<{ sent: T[]; error?: unknown }> {
  const sent: T[] = [];
  for (const batch of batches(bodies)) {
    try {
      await queue.sendBatch(batch.map((body) => ({ body })));
    } catch (error) {
      return { sent, error };
    }
    sent.push(...batch);
  }
  return { sent };
}

function* batches<T>(bodies: readonly T[]): Generator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const body of bodies) {
    const size = new TextEncoder().encode(JSON.stringify(body)).length;
    if (batch.length === MAX_MESSAGES || (batch.length > 0 && bytes + size > MAX_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(body);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
