// Ceph RGW `Records[]`: raw keys, metadata and tags with the event, a sequencer that is the time in
// little-endian hex (not AWS's, so it is not kept as one), and a time that can be "0.000000".
import { z } from "zod";
import type { EventType } from "../../shapes/event.ts";
import { eventOf, type Normaliser, read, userMetadata } from "./contract.ts";
import { recordSchema, typeOf, withoutPrefix } from "./s3.ts";

const pairs = z.array(z.object({ key: z.string(), val: z.string() })).nullish();
const object = recordSchema.shape.s3.shape.object.extend({ metadata: pairs, tags: pairs });
const cephSchema = recordSchema.extend({ s3: recordSchema.shape.s3.extend({ object }) });

export const ceph: Normaliser = (record, context) => {
  const parsed = read(cephSchema, record);
  if (!parsed.ok) return parsed;
  const { eventName, eventTime, awsRegion, s3: what } = parsed.value;
  const operation = withoutPrefix(eventName);
  const { key, size, eTag, versionId, sequencer, metadata, tags } = what.object;
  return eventOf(
    {
      sender: "ceph",
      type: cephType(operation),
      operation,
      bucket: what.bucket.name,
      key,
      size,
      etag: eTag,
      version_id: versionId,
      time: timeOf(eventTime) ?? timeOfSequencer(sequencer) ?? context.receivedAt,
      region: awsRegion,
      metadata: metadata && userMetadata(metadata.map(({ key, val }) => [key, val])),
      tags: tags && Object.fromEntries(tags.map(({ key, val }) => [key, val])),
    },
    context,
  );
};

/**
 * Weir's type for a Ceph event name. Lifecycle names have three parts, and only the end of the current version removes
 * the object. `ObjectSynced` means that this zone has taken a creation or a removal over from another one.
 * https://docs.ceph.com/en/latest/radosgw/s3-notification-compatibility/
 */
function cephType(operation: string): EventType {
  if (operation === "ObjectSynced:Create") return "created";
  if (/^ObjectSynced:(Delete|DeletionMarkerCreated)$/.test(operation)) return "removed";
  if (operation === "ObjectLifecycle:Expiration:Current") return "removed";
  if (operation.startsWith("ObjectLifecycle:Transition:")) return "archived";
  return typeOf(operation);
}

/** Milliseconds of an RFC 3339 time; `Date.parse` alone would read "0.000000" as a day of the year 2000. */
function timeOf(text: string): number | undefined {
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return ms > 0 ? ms : undefined;
}

/** Milliseconds of a sequencer (seconds, nanoseconds, four bytes each, little-endian): the same in a repetition. */
function timeOfSequencer(sequencer: string | null | undefined): number | undefined {
  if (!sequencer || !/^[0-9A-Fa-f]{16}$/.test(sequencer)) return undefined;
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigUint64(0, BigInt(`0x${sequencer}`));
  const seconds = bytes.getUint32(0, true);
  return seconds === 0 ? undefined : seconds * 1000 + Math.floor(bytes.getUint32(4, true) / 1e6);
}
