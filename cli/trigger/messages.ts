// What a sender says of a changed object, in its own words. Pure; objects.ts sends them.

/** A change of an object that was just made. */
export interface Change {
  action: "put" | "delete";
  bucket: string;
  key: string;
  size: number;
  etag: string;
  /** RFC 3339. */
  time: string;
}

/** As Cloudflare puts it on the queue: no size and no eTag for a delete. */
export const r2Message = ({ action, bucket, key, size, etag, time }: Change) => ({
  account: "local",
  action: action === "put" ? "PutObject" : "DeleteObject",
  bucket,
  object: action === "put" ? { key, size, eTag: etag } : { key },
  eventTime: time,
});

/** As S3 sends it: the key form-encoded, a sequencer that grows with time. */
export function s3Event({ action, bucket, key, size, etag, time }: Change, region: string) {
  const sequencer = BigInt(Date.parse(time)).toString(16).toUpperCase().padStart(18, "0");
  const encoded = new URLSearchParams([["", key]]).toString().slice(1).replaceAll("%2F", "/");
  const record = {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: region,
    eventTime: time,
    eventName: action === "put" ? "ObjectCreated:Put" : "ObjectRemoved:Delete",
    s3: {
      s3SchemaVersion: "1.0",
      configurationId: "local",
      bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` },
      object: { key: encoded, sequencer, ...(action === "put" && { size, eTag: etag }) },
    },
  };
  return { Records: [record] };
}
