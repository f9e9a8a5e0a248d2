// A payload that came by reference, fetched by its signed URL when the handler is about to run.
import type { Event } from "../../src/shapes/event.ts";
import { FailureError } from "../../src/shapes/failure.ts";
import type { Job } from "../../src/shapes/job.ts";
import { sha256Hex } from "../../src/store/hash.ts";

/** The event with its payload in place. @throws FailureError where that cannot be had */
export async function withPayload(
  event: Event,
  { payload_url }: Pick<Job, "payload_url">,
  signal: AbortSignal,
): Promise<Event> {
  const { payload_ref, ...rest } = event;
  if (!payload_ref || event.payload !== undefined) return rest;
  if (payload_url === undefined)
    throw new FailureError({ kind: "internal", detail: "the payload's address did not come with its job" });
  const response = await fetch(payload_url, { signal }).catch((cause: unknown) => {
    throw new FailureError({ kind: "unavailable", detail: `the payload did not come (${String(cause)})` });
  });
  if (response.status === 404) {
    const next = "invoke the pipeline again with its payload";
    throw new FailureError({ kind: "not_found", detail: "the payload is no longer kept", next });
  }
  const text = response.ok ? await response.text() : "";
  if (!response.ok || (await sha256Hex(text)) !== payload_ref.sha256)
    throw new FailureError({
      kind: "unavailable",
      detail: `the payload's store answered ${response.status}`,
    });
  return { ...rest, payload: JSON.parse(text) as unknown };
}
