// MinIO and AIStor `Records[]`: keys form-encoded with `/` as `%2F`, names with `s3:`, size left out when
// it is 0, and changes of tags, retention and legal hold reported as `ObjectCreated:*`, which they are not.
import { z } from "zod";
import type { EventType } from "../../shapes/event.ts";
import { eventOf, formDecode, type Normaliser, read, userMetadata } from "./contract.ts";
import { recordSchema, typeOf, withoutPrefix } from "./s3.ts";

const object = recordSchema.shape.s3.shape.object.extend({
  contentType: z.string().nullish(),
  userMetadata: z.record(z.string(), z.string()).nullish(),
});
const minioSchema = recordSchema.extend({ s3: recordSchema.shape.s3.extend({ object }) });

/** Types of operations that MinIO reports as creations although the object's bytes stay. */
const NOT_CREATED: Record<string, EventType> = {
  "ObjectCreated:PutTagging": "tagged",
  "ObjectCreated:DeleteTagging": "tagged",
  "ObjectCreated:PutRetention": "other",
  "ObjectCreated:PutLegalHold": "other",
};

export const minio: Normaliser = (record, context) => {
  const parsed = read(minioSchema, record);
  if (!parsed.ok) return parsed;
  const { eventName, eventTime, awsRegion, s3: what } = parsed.value;
  const key = formDecode(what.object.key);
  if (!key.ok) return key;
  const operation = withoutPrefix(eventName);
  const type = NOT_CREATED[operation] ?? typeOf(operation);
  const { size, eTag, versionId, contentType } = what.object;
  const metadata = what.object.userMetadata;
  return eventOf(
    {
      sender: "minio",
      type,
      operation,
      bucket: what.bucket.name,
      key: key.value,
      size: size ?? (type === "created" ? 0 : undefined),
      etag: eTag,
      version_id: versionId,
      time: eventTime,
      region: awsRegion,
      content_type: contentType,
      metadata: metadata && userMetadata(Object.entries(metadata)),
    },
    context,
  );
};
