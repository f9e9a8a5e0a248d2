// CloudEvents 1.0, structured, binary and batched. Where `data` holds a sender's own record, that record
// is what is read (see normalise.ts); this file is for events that only their attributes tell. Keys raw.
// https://github.com/cloudevents/spec/blob/main/cloudevents/adapters/aws-s3.md
import { z } from "zod";
import { finish, malformed, type Normaliser, read } from "./contract.ts";
import { typeOf, withoutPrefix } from "./s3.ts";

const text = z.string();
const cloudEventSchema = z.object({
  specversion: text.regex(/^1\.\d+$/, "The event's specversion is not 1.x."),
  type: text.regex(/^com\.amazonaws\.(s3\.)?./, "The event's type is not com.amazonaws.s3.<eventName>."),
  source: text,
  subject: text.nullish(),
  time: text,
  data: z.unknown().optional(),
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
  const data = read(dataSchema, parsed.value.data ?? {});
  if (!data.ok) return data;
  const { bucket, object } = data.value;
  const operation = withoutPrefix(type.replace(/^com\.amazonaws\.(s3\.)?/, ""));
  // `aws:s3.<region>.<bucket>`: a bucket's name may have dots, a region has none.
  const [, region, named] = /^[^.]+\.([^.]*)\.(.+)$/.exec(source) ?? [];
  const place = (typeof bucket === "string" ? bucket : bucket?.name) ?? named;
  const key = object?.key ?? data.value.key ?? subject;
  if (!place) return malformed("The event names no bucket.", "source", "aws:s3.<region>.<bucket>");
  if (!key) return malformed("The event names no object.", "subject");
  return finish(
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

/** A binary-mode event as the structured one that it stands for; `undefined` if the headers tell none. */
export function fromBinary(headers: Headers, data: unknown): Record<string, unknown> | undefined {
  if (!headers.has("ce-specversion")) return undefined;
  const attributes = [...headers].filter(([name]) => name.startsWith("ce-"));
  return {
    ...Object.fromEntries(attributes.map(([name, value]) => [name.slice(3), unescaped(value)])),
    data,
  };
}

/** Header values are percent-encoded where HTTP could not carry them. */
function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
