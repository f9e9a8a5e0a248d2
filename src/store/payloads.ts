// Payloads of invocations that are too large for a message or a row: kept in the archive's bucket, by day, and fetched
// when the handler runs. The event then carries a reference in the payload's place.
import type { R2Bucket } from "@cloudflare/workers-types";
import type { Event } from "../shapes/event.ts";
import { FailureError } from "../shapes/failure.ts";
import { sha256Hex } from "../shapes/hash.ts";

/** Largest event in a message, bytes: a message holds 128,000, and a job, its failure and its URL come with the event. */
export const MAX_EVENT_BYTES = 96_000;
/** How long a payload is kept, days. In an account R2 deletes it by a rule of the bucket. */
export const PAYLOAD_KEPT_DAYS = 60;
export const PAYLOAD_PREFIX = "payloads/";

const encoder = new TextEncoder();
const sizeOf = (value: unknown) => encoder.encode(JSON.stringify(value)).byteLength;

/** `payloads/2026-11-25/evt_….json`: days in order, so that old ones come first in a listing. */
export const payloadKey = ({ id, received_at }: Pick<Event, "id" | "received_at">) =>
  `${PAYLOAD_PREFIX}${received_at.slice(0, 10)}/${id}.json`;
export const isPayloadKey = (key: string) => /^payloads\/\d{4}-\d\d-\d\d\/evt_[0-9a-f]{32}\.json$/.test(key);

/**
 * The event as it can travel and be recorded: with its payload, or with a reference to it.
 *
 * @throws FailureError `too_large` where not the payload but the rest of it is
 */
export async function bounded(event: Event, bucket: () => R2Bucket): Promise<Event> {
  if (sizeOf(event) <= MAX_EVENT_BYTES) return event;
  const { payload, ...rest } = event;
  if (payload === undefined || sizeOf(rest) > MAX_EVENT_BYTES - 1_000) {
    throw new FailureError({
      kind: "too_large",
      detail: `the event is ${sizeOf(rest)} bytes without its payload`,
      expected: `at most ${MAX_EVENT_BYTES - 1_000}: what is large belongs into \`payload\``,
    });
  }
  const text = JSON.stringify(payload);
  await bucket().put(payloadKey(event), text, { httpMetadata: { contentType: "application/json" } });
  return {
    ...rest,
    payload_ref: { bytes: encoder.encode(text).byteLength, sha256: sha256Hex(text) },
  };
}

/** Deletes some of the payloads that are older than they are kept. Returns how many. */
export async function retirePayloads(bucket: R2Bucket, now: number): Promise<number> {
  const before = `${PAYLOAD_PREFIX}${new Date(now - PAYLOAD_KEPT_DAYS * 86_400_000).toISOString().slice(0, 10)}/`;
  const { objects } = await bucket.list({ prefix: PAYLOAD_PREFIX, limit: 1000 });
  const old = objects.map(({ key }) => key).filter((key) => key < before);
  if (old.length > 0) await bucket.delete(old);
  return old.length;
}
