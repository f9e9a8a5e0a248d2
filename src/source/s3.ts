// Objects behind any S3 API, by signed requests (aws4fetch). Keys are addressed path-style; reads are
// presigned, so whoever holds the URL needs no credentials.

import { AwsClient } from "aws4fetch";
import type { Env } from "../env.ts";
import { s3Endpoint } from "../shapes/aws.ts";
import type { Connection } from "../shapes/connection.ts";
import { decodeWords } from "../shapes/encoded-words.ts";
import { FailureError } from "../shapes/failure.ts";
import { USER_AGENT } from "../shapes/user-agent.ts";
import type { Observed, Source } from "./contract.ts";
import { objectUrl } from "./object-url.ts";
import { endless, noBucket, refusal, refusalOf } from "./s3-refusals.ts";
import { bareEtag, readArchive, readListing, readTags } from "./s3-xml.ts";

export type S3Connection = Extract<Connection, { kind: "s3" }>;

const NAMED = { "user-agent": USER_AGENT };

/** How long a bucket counts as being there after it answered, ms. */
const BUCKET_SEEN_MS = 300_000;
/** Buckets that have answered, by their address: an isolate's own. */
const seenBuckets = new Map<string, number>();

/** The client that signs requests to a connection's store, and the URL that its objects are under. */
export function openS3(connection: S3Connection, env: Env): { client: AwsClient; base: string } {
  const client = new AwsClient({
    accessKeyId: env.required(connection.access_key_id),
    secretAccessKey: env.required(connection.secret_access_key),
    region: connection.region,
    service: "s3",
    retries: 0,
  });
  return { client, base: endpointOf(connection, env) };
}

export function s3Source(connection: S3Connection, env: Env): Source {
  const { client, base } = openS3(connection, env);
  const send = (method: string, bucket: string, key: string, query = "") =>
    client.fetch(objectUrl(base, bucket, key) + query, { method, headers: NAMED }).catch((cause: unknown) => {
      throw new FailureError({
        kind: "unavailable",
        detail: `${bucket}/${key}: the store did not answer (${String(cause)})`,
      });
    });
  /** The answer, or null where the bucket is there and the object is not. */
  const ask = async (...[method, bucket, key, query]: Parameters<typeof send>) =>
    answerOf(await send(method, bucket, key, query), bucket, key);
  const answerOf = async (response: Response, bucket: string, key: string) => {
    const address = `${base}/${bucket}`;
    if (response.ok) {
      if (key !== "") seenBuckets.set(address, Date.now());
      return response;
    }
    const refused = await refusalOf(response, bucket, key);
    if (refused.status !== 404) throw new FailureError(refusal(refused, connection.access_key_id));
    if (key === "" || refused.code === "NoSuchBucket") throw new FailureError(noBucket(bucket, base));
    // A HEAD's 404 has no words: whether the object is gone, or the bucket, only the bucket can tell.
    const isSeen = Date.now() - (seenBuckets.get(address) ?? Number.NEGATIVE_INFINITY) < BUCKET_SEEN_MS;
    if (!isSeen && refused.code !== "NoSuchKey") {
      if ((await send("HEAD", bucket, "")).status === 404) throw new FailureError(noBucket(bucket, base));
      seenBuckets.set(address, Date.now());
    }
    return null;
  };
  return {
    async observe(bucket, key) {
      const response = await ask("HEAD", bucket, key);
      return response && observedOf(response.headers);
    },
    async tags(bucket, key) {
      const response = await send("GET", bucket, key, "?tagging");
      // A store that has no tags at all.
      if (response.status === 501) return {};
      const answer = await answerOf(response, bucket, key);
      return answer ? readTags(await answer.text(), `${bucket}/${key}`) : {};
    },
    async archivedIn(bucket, key) {
      const response = await client.fetch(objectUrl(base, bucket, key), {
        headers: { ...NAMED, range: "bytes=0-0" },
      });
      if (response.status === 403) return readArchive(await response.text());
      await response.body?.cancel();
      return null;
    },
    async url(bucket, key, expires) {
      const url = new URL(objectUrl(base, bucket, key));
      const seconds = Math.max(1, Math.round((expires - Date.now()) / 1000));
      url.searchParams.set("X-Amz-Expires", String(seconds));
      return (await client.sign(new Request(url), { aws: { signQuery: true } })).url;
    },
    async list(bucket, { prefix, cursor, limit }) {
      const query = new URLSearchParams({
        "list-type": "2",
        "encoding-type": "url",
        "max-keys": String(limit),
      });
      if (prefix) query.set("prefix", prefix);
      if (cursor !== undefined) query.set("continuation-token", cursor);
      // A space in a query is %20 to S3's signature, never a plus.
      const response = await ask("GET", bucket, "", `?${query.toString().replaceAll("+", "%20")}`);
      const listing = readListing((await response?.text()) ?? "", bucket);
      if (listing.next !== undefined && listing.next === cursor) throw new FailureError(endless(bucket));
      seenBuckets.set(`${base}/${bucket}`, Date.now());
      return listing;
    },
  };
}

function endpointOf(connection: S3Connection, env: Env): string {
  const { endpoint, region } = connection;
  if (endpoint === undefined) return s3Endpoint(region);
  return (/^[A-Z][A-Z0-9_]*$/.test(endpoint) ? env.required(endpoint) : endpoint).replace(/\/$/, "");
}

function observedOf(headers: Headers): Observed {
  const metadata: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (name.startsWith("x-amz-meta-")) metadata[name.slice("x-amz-meta-".length)] = decodeWords(value);
  }
  const version = headers.get("x-amz-version-id");
  return {
    etag: bareEtag(headers.get("etag") ?? ""),
    size: Number(headers.get("content-length") ?? 0),
    version_id: version === "null" ? null : version,
    content_type: headers.get("content-type"),
    metadata,
  };
}
