// Objects behind any S3 API, by signed requests (aws4fetch). Keys are addressed path-style; reads are
// presigned, so whoever holds the URL needs no credentials.
import { AwsClient } from "aws4fetch";
import type { Surroundings } from "../env.ts";
import { s3Endpoint } from "../shapes/aws.ts";
import type { Connection } from "../shapes/connection.ts";
import { type Failure, FailureError } from "../shapes/failure.ts";
import type { Listing, Observed, Source } from "./contract.ts";
import { objectUrl } from "./object-url.ts";

type S3Connection = Extract<Connection, { kind: "s3" }>;

export function s3Source(connection: S3Connection, env: Surroundings): Source {
  const client = new AwsClient({
    accessKeyId: env.required(connection.access_key_id),
    secretAccessKey: env.required(connection.secret_access_key),
    region: connection.region,
    service: "s3",
    retries: 0,
  });
  const base = endpointOf(connection, env);
  const ask = async (method: string, bucket: string, key: string, query = "") => {
    const response = await client
      .fetch(objectUrl(base, bucket, key) + query, { method })
      .catch((cause: unknown) => {
        throw new FailureError({
          kind: "unavailable",
          detail: `${bucket}/${key}: the store did not answer (${String(cause)})`,
        });
      });
    if (response.status === 404) return null;
    if (!response.ok) throw new FailureError(refusal(response, bucket, key, connection.access_key_id));
    return response;
  };
  return {
    async observe(bucket, key) {
      const response = await ask("HEAD", bucket, key);
      return response && observedOf(response.headers);
    },
    async tags(bucket, key) {
      const response = await ask("GET", bucket, key, "?tagging");
      return response ? tagsOf(await response.text()) : {};
    },
    async archivedIn(bucket, key) {
      const response = await client.fetch(objectUrl(base, bucket, key), { headers: { range: "bytes=0-0" } });
      if (response.status === 403) return archiveOf(await response.text());
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
      return response ? listingOf(await response.text()) : { objects: [] };
    },
  };
}

function endpointOf(connection: S3Connection, env: Surroundings): string {
  const { endpoint, region } = connection;
  if (endpoint === undefined) return s3Endpoint(region);
  return (/^[A-Z][A-Z0-9_]*$/.test(endpoint) ? env.required(endpoint) : endpoint).replace(/\/$/, "");
}

function observedOf(headers: Headers): Observed {
  const metadata: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (name.startsWith("x-amz-meta-")) metadata[name.slice("x-amz-meta-".length)] = value;
  }
  const version = headers.get("x-amz-version-id");
  return {
    etag: (headers.get("etag") ?? "").replace(/^W\/|"/g, ""),
    size: Number(headers.get("content-length") ?? 0),
    version_id: version === "null" ? null : version,
    content_type: headers.get("content-type"),
    metadata,
  };
}

/**
 * The archive that a refusal to read names: `InvalidObjectState`, with the storage class or the access tier.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
function archiveOf(xml: string): string | null {
  if (!/<Code>InvalidObjectState<\/Code>/.test(xml)) return null;
  return textOf(xml, "AccessTier") || textOf(xml, "StorageClass") || "an archive";
}

function tagsOf(xml: string): Record<string, string> {
  const pairs = xml.matchAll(/<Tag>\s*<Key>([^<]*)<\/Key>\s*<Value>([^<]*)<\/Value>\s*<\/Tag>/g);
  return Object.fromEntries(
    [...pairs].map(([, key = "", value = ""]) => [unescapeXml(key), unescapeXml(value)]),
  );
}

/** ListObjectsV2's answer: its keys are percent-encoded, as asked, so that any key survives XML. */
function listingOf(xml: string): Listing {
  const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, entry = ""]) => ({
    key: decodeURIComponent(textOf(entry, "Key").replaceAll("+", " ")),
    size: Number(textOf(entry, "Size")),
    etag: textOf(entry, "ETag").replaceAll('"', ""),
  }));
  const next = textOf(xml, "NextContinuationToken");
  return textOf(xml, "IsTruncated") === "true" && next !== "" ? { objects, next } : { objects };
}

const textOf = (xml: string, element: string) =>
  unescapeXml(new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1] ?? "");

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
const unescapeXml = (text: string) =>
  text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => ENTITIES[name] ?? "");

function refusal({ status, headers }: Response, bucket: string, key: string, credential: string): Failure {
  if (status === 401 || status === 403) {
    return {
      kind: "source_refused",
      detail: `${bucket}/${key}: the store refused our credentials (${status})`,
      expected:
        "s3:GetObject on the object and s3:ListBucket on the bucket (without the latter a missing object is a 403)",
      next: `check ${credential} and its policy`,
    };
  }
  const detail = `${bucket}/${key}: the store answered ${status}`;
  // S3's SlowDown is a 503.
  if (status !== 429 && status !== 503) return { kind: "unavailable", detail };
  const seconds = Number(headers.get("retry-after"));
  return { kind: "overloaded", detail, ...(seconds > 0 && { retry_after_seconds: Math.min(seconds, 3600) }) };
}
