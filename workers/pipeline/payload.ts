// Fetches a payload that came by reference, by its signed URL, just before the handler runs (run.ts).

import type { Event } from "../../src/shapes/event.ts";
import { FailureError } from "../../src/shapes/failure.ts";
import { sha256Hex } from "../../src/shapes/hash.ts";
import type { Job } from "../../src/shapes/job.ts";
import { fetchNamed } from "../../src/shapes/user-agent.ts";

/** Returns the event with its payload in place. @throws FailureError where the payload cannot be fetched */
export async function withPayload(
  event: Event,
  { payload_url }: Pick<Job, "payload_url">,
  signal: AbortSignal,
): Promise<Event> {
  const { payload_ref, ...rest } = event;
  if (!payload_ref || event.payload !== undefined) return rest;
  if (payload_url === undefined)
    throw new FailureError({ kind: "internal", detail: "The URL of the payload is missing from the job." });
  const response = await fetchNamed(payload_url, { signal }).catch((cause: unknown) => {
    throw new FailureError({
      kind: "unavailable",
      detail: `The store of the payload did not answer (${String(cause)}).`,
    });
  });
  if (response.status === 404) {
    const next = "Invoke the pipeline again with its payload.";
    throw new FailureError({ kind: "not_found", detail: "The payload is no longer kept.", next });
  }
  const text = response.ok ? await response.text() : "";
  if (!response.ok || sha256Hex(text) !== payload_ref.sha256)
    throw new FailureError({
      kind: "unavailable",
      detail: `The store of the payload answered ${response.status}, or other bytes than were stored.`,
    });
  return { ...rest, payload: JSON.parse(text) as unknown };
}
