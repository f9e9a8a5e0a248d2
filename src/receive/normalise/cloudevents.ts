// CloudEvents 1.0, structured, binary and batched, with raw keys. Where `data` holds a sender's own record,
// normalise.ts reads that; this file reads events that are described by their attributes alone.
// https://github.com/cloudevents/spec/blob/main/cloudevents/adapters/aws-s3.md
import { z } from "zod";
import { ok, type Result } from "../../shapes/failure.ts";
import { utf8 } from "../body.ts";
import { strictBase64 } from "../digest.ts";
import { eventOf, malformed, type Normaliser, read } from "./contract.ts";
import { typeOf, withoutPrefix } from "./s3.ts";

const text = z.string();
const cloudEventSchema = z.object({
  specversion: text.regex(/^1\.\d+$/, "The event's specversion is not 1.x."),
  type: text.regex(/^com\.amazonaws\.(s3\.)?./, "The event's type is not com.amazonaws.s3.<eventName>."),
  source: text,
  subject: text.nullish(),
  time: text,
  data: z.unknown().optional(),
  data_base64: text.nullish(),
  datacontenttype: text.nullish(),
});
/** The parts of `data` that are read when it is no record of a known sender. */
const dataSchema = z.object({
  bucket: z.union([text, z.object({ name: text })]).nullish(),
  key: text.nullish(),
  object: z
    .object({
      key: text.nullish(),
      size: z.int().nonnegative().nullish(),
      eTag: text.nullish(),
      etag: text.nullish(),
      versionId: text.nullish(),
    })
    .nullish(),
});

export const cloudevents: Normaliser = (record, context) => {
  const parsed = read(cloudEventSchema, record);
  if (!parsed.ok) return parsed;
  const { type, source, subject, time } = parsed.value;
  const inside = cloudEventData(parsed.value);
  if (!inside.ok) return inside;
  const data = read(dataSchema, inside.value ?? {});
  if (!data.ok) return data;
  const { bucket, object } = data.value;
  const operation = withoutPrefix(type.replace(/^com\.amazonaws\.(s3\.)?/, ""));
  // `aws:s3.<region>.<bucket>`: a bucket's name may have dots, a region has none.
  const [, region, named] = /^[^.]+\.([^.]*)\.(.+)$/.exec(source) ?? [];
  const place = (typeof bucket === "string" ? bucket : bucket?.name) ?? named;
  const key = object?.key ?? data.value.key ?? subject;
  if (!place) return malformed("The event names no bucket.", "source", "aws:s3.<region>.<bucket>");
  if (!key) return malformed("The event names no object.", "subject");
  return eventOf(
    {
      sender: "cloudevents",
      type: typeOf(operation),
      operation,
      bucket: place,
      key,
      size: object?.size,
      etag: object?.eTag ?? object?.etag,
      version_id: object?.versionId,
      time,
      region,
    },
    context,
  );
};

/** A binary-mode event as the structured one that it stands for; undefined if the headers describe none. */
export function fromBinary(headers: Headers, data: unknown): Record<string, unknown> | undefined {
  if (!headers.has("ce-specversion")) return undefined;
  const attributes = [...headers].filter(([name]) => name.startsWith("ce-"));
  return {
    ...Object.fromEntries(attributes.map(([name, value]) => [name.slice(3), unescaped(value)])),
    data,
  };
}

/**
 * The data of an event: `data` as it is, or the JSON in `data_base64`. Data of another type than JSON is not read; the
 * attributes alone then describe the event.
 * https://github.com/cloudevents/spec/blob/main/cloudevents/formats/json-format.md#31-handling-of-data
 */
export function cloudEventData(event: Record<string, unknown>): Result<unknown> {
  const { data, data_base64: encoded, datacontenttype: type } = event;
  if (data != null || typeof encoded !== "string") return ok(data);
  if (typeof type === "string" && !/[/+]json\b/i.test(type)) return ok(undefined);
  const bytes = strictBase64(encoded);
  try {
    if (bytes !== undefined) return ok(JSON.parse(utf8(bytes)));
  } catch {
    // Falls through: not base64, not UTF-8 and not JSON are one and the same fault.
  }
  return malformed(
    "The event's data is not JSON in base64.",
    "data_base64",
    "base64 (padded) of JSON in UTF-8",
  );
}

/**
 * The value of a header: quotes are taken off, then percent-escapes are decoded, in this order.
 * https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values
 */
function unescaped(header: string): string {
  const [, quoted] = /^"((?:[^"\\]|\\.)*)"$/s.exec(header.trim()) ?? [];
  const value = quoted === undefined ? header : quoted.replace(/\\(.)/gs, "$1");
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
