// Turns a proven payload into events. The envelope is recognised by its shape, never by what a header claims; each
// record then goes to its sender's normaliser, and a malformed record costs only itself.
import { fail, ok, type Result } from "../../shapes/failure.ts";
import { utf8 } from "../body.ts";
import { B2_PROBE, b2 } from "./b2.ts";
import { ceph } from "./ceph.ts";
import { cloudEventData, cloudevents, fromBinary } from "./cloudevents.ts";
import { type Context, malformed, type Normalised, type Normaliser, normaliseEach } from "./contract.ts";
import { eventbridge } from "./eventbridge.ts";
import { gcs } from "./gcs.ts";
import { hintOf } from "./hints.ts";
import { minio } from "./minio.ts";
import { r2 } from "./r2.ts";
import { s3 } from "./s3.ts";
import { tigris } from "./tigris.ts";

type Shape = Record<string, unknown>;

/**
 * Every event of a delivery.
 *
 * @param payload the body as the proof gives it, unwrapped.
 * @param headers only those that the proof covers: binary CloudEvents are described by headers.
 * @returns events and quarantined records, or `malformed` when the payload as a whole cannot be read.
 */
export function normalise(
  payload: Uint8Array | string,
  headers: Headers,
  context: Context,
): Result<Normalised> {
  const body = parse(payload);
  if (!body.ok) return body;
  const probe = probeOf(body.value);
  if (probe !== undefined) return ok({ events: [], quarantined: [], probe });
  const records = recordsOf(fromBinary(headers, body.value) ?? body.value);
  if (records === undefined) {
    const hint = hintOf(body.value);
    if (hint !== undefined) return { ok: false, failure: hint };
    return fail("malformed", "The body is no event of any sender that Weir knows.", {
      expected:
        "S3 Records, an EventBridge or CloudEvents event, or the events of MinIO, Ceph, B2, Tigris or GCS",
    });
  }
  const normalised = normaliseEach(records, (record) => normaliserOf(record)(record, context));
  return ok(records.some(isTigris) ? { ...normalised, acknowledge: 200 } : normalised);
}

/** Whether a record is of Tigris, which by its earlier documents takes only a 200 for success; others take any 2xx. */
const isTigris = (record: unknown) => normaliserOf(record) === tigris;

function parse(payload: Uint8Array | string): Result<unknown> {
  if (payload.length === 0) return ok(undefined); // A binary CloudEvent may have no data.
  try {
    return ok(JSON.parse(typeof payload === "string" ? payload : utf8(payload)));
  } catch {
    return fail("malformed", "The body is not JSON in UTF-8.");
  }
}

const isShape = (value: unknown): value is Shape =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Name of the test event that a body is; undefined for any other body. */
function probeOf(body: unknown): string | undefined {
  if (!isShape(body)) return undefined;
  if (body.Event === "s3:TestEvent") return "s3:TestEvent";
  const events: unknown[] = Array.isArray(body.events) ? body.events : [];
  const tries = events.length > 0 && events.every((event) => isShape(event) && event.eventType === B2_PROBE);
  return tries ? B2_PROBE : undefined;
}

/** The records in an envelope: those of a list, those inside CloudEvents, or the body itself. */
function recordsOf(body: unknown): unknown[] | undefined {
  if (Array.isArray(body)) {
    // A batch is of CloudEvents only, and an empty one is a batch too.
    return body.length === 0 || body.some((each) => isShape(each) && "specversion" in each)
      ? body.flatMap((event) => (isShape(event) ? inCloudEvent(event) : [event]))
      : undefined;
  }
  if (!isShape(body)) return undefined;
  if ("specversion" in body) return inCloudEvent(body);
  if (Array.isArray(body.Records)) return body.Records;
  if (Array.isArray(body.events)) return body.events;
  return normaliserOf(body) === unknownSender ? undefined : [body];
}

function inCloudEvent(event: Shape): unknown[] {
  const read = cloudEventData(event);
  const data = read.ok ? read.value : undefined;
  const inside = isShape(data) && !("specversion" in data) ? recordsOf(data) : undefined;
  return inside ?? [event];
}

const RECORD_SOURCES: Record<string, Normaliser> = { "aws:s3": s3, "minio:s3": minio, "ceph:s3": ceph };

/** The normaliser of a record's sender, recognised by fields that only this sender has. */
function normaliserOf(record: unknown): Normaliser {
  if (!isShape(record)) return unknownSender;
  const source = record.eventSource;
  if (typeof source === "string" && Object.hasOwn(RECORD_SOURCES, source)) {
    return RECORD_SOURCES[source] ?? unknownSender;
  }
  if ("specversion" in record) return cloudevents;
  if ("detail-type" in record) return eventbridge;
  if ("eventType" in record && "objectName" in record) return b2;
  if (isShape(record.message) && isShape(record.message.attributes)) return gcs;
  if ("action" in record && "object" in record) return r2;
  if ("eventName" in record && "bucket" in record) return tigris;
  return unknownSender;
}

const unknownSender: Normaliser = (record) => {
  const hint = hintOf(record);
  if (hint !== undefined) return { ok: false, failure: hint };
  return malformed("The record is of no sender that Weir knows.", "eventSource");
};
