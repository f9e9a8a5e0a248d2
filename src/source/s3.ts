// Objects behind any S3 API, by signed requests (aws4fetch). Keys are addressed path-style; reads are
// presigned, so whoever holds the URL needs no credentials.
import { AwsClient } from "aws4fetch";
import type { Surroundings } from "../env.ts";
import type { Connection } from "../shapes/connection.ts";
import { type Failure, FailureError } from "../shapes/failure.ts";
import type { Observed, Source } from "./contract.ts";

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
    if (!response.ok) throw new FailureError(refusal(response.status, bucket, key, connection.access_key_id));
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
    async url(bucket, key, expires) {
      const url = new URL(objectUrl(base, bucket, key));
      const seconds = Math.max(1, Math.round((expires - Date.now()) / 1000));
      url.searchParams.set("X-Amz-Expires", String(seconds));
      return (await client.sign(new Request(url), { aws: { signQuery: true } })).url;
    },
  };
}

function endpointOf(connection: S3Connection, env: Surroundings): string {
  const { endpoint, region } = connection;
  if (endpoint === undefined) return `https://s3.${region}.amazonaws.com`;
  return (/^[A-Z][A-Z0-9_]*$/.test(endpoint) ? env.required(endpoint) : endpoint).replace(/\/$/, "");
}

/**
 * The object's path-style URL. Segments `.` and `..` would be resolved away by every URL parser, so a key
 * that has them keeps its slashes encoded; S3 decodes the path before it compares signatures.
 */
export function objectUrl(base: string, bucket: string, key: string): string {
  const segments = key.split("/").map((segment) => encodeURIComponent(segment).replace(/[!'()*]/g, percent));
  const hasDots = segments.some((segment) => segment === "." || segment === "..");
  return `${base}/${bucket}/${segments.join(hasDots ? "%2F" : "/")}`;
}

const percent = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;

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

function tagsOf(xml: string): Record<string, string> {
  const pairs = xml.matchAll(/<Tag>\s*<Key>([^<]*)<\/Key>\s*<Value>([^<]*)<\/Value>\s*<\/Tag>/g);
  return Object.fromEntries(
    [...pairs].map(([, key = "", value = ""]) => [unescapeXml(key), unescapeXml(value)]),
  );
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
const unescapeXml = (text: string) =>
  text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => ENTITIES[name] ?? "");

function refusal(status: number, bucket: string, key: string, credential: string): Failure {
  if (status === 401 || status === 403) {
    return {
      kind: "source_refused",
      detail: `${bucket}/${key}: the store refused our credentials (${status})`,
      expected:
        "s3:GetObject on the object and s3:ListBucket on the bucket (without the latter a missing object is a 403)",
      next: `check ${credential} and its policy`,
    };
  }
  return { kind: "unavailable", detail: `${bucket}/${key}: the store answered ${status}` };
}
