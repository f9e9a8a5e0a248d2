// Looks up size and etag of an object for a triggered event: in the local bucket of a running stack, or in the store of
// an S3 connection.
import { AwsClient } from "aws4fetch";
import { s3Endpoint } from "../../src/shapes/aws.ts";
import type { Connection } from "../../src/shapes/connection.ts";
import { endpointName } from "../../src/shapes/connection-secrets.ts";
import { objectUrl } from "../../src/source/object-url.ts";
import { LOCAL_S3 } from "../project/bindings.ts";
import { LOCAL_S3_PATH } from "../settings/dev-env.ts";
import type { StackAddress } from "./deliver.ts";

/** Reads size and etag of an object; undefined where the object does not exist or the store does not answer. */
export async function lookUp(
  { url, secrets }: Pick<StackAddress, "url" | "secrets">,
  connection: Connection,
  { bucket, key }: { bucket: string; key: string },
): Promise<{ size: number; etag: string } | undefined> {
  const store = storeOf(url, secrets, connection);
  const client = new AwsClient({ ...store, service: "s3", retries: 0 });
  const response = await client
    .fetch(objectUrl(store.base, bucket, key), { method: "HEAD", signal: AbortSignal.timeout(5_000) })
    .catch(() => undefined);
  if (!response?.ok) return undefined;
  const etag = (response.headers.get("etag") ?? "").replaceAll('"', "");
  return { size: Number(response.headers.get("content-length") ?? 0), etag };
}

function storeOf(url: string, secrets: StackAddress["secrets"], connection: Connection) {
  const local = { base: url + LOCAL_S3_PATH, region: "auto", ...LOCAL_S3 };
  if (connection.kind !== "s3") return local;
  const [name] = endpointName(connection.endpoint);
  const base = name === undefined ? (connection.endpoint ?? s3Endpoint(connection.region)) : secrets[name];
  if (base === undefined) return local;
  return {
    base: base.replace(/\/$/, ""),
    region: connection.region,
    accessKeyId: secrets[connection.access_key_id] ?? "",
    secretAccessKey: secrets[connection.secret_access_key] ?? "",
  };
}
