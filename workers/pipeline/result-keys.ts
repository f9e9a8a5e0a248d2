// What an embedding follows from, as a key: object version, span or text, and the model's definition. Two runs that
// come to the same key would compute the same vector.
import { Buffer } from "node:buffer";
import type { Modality } from "../../src/shapes/model.ts";
import type { Input } from "./compute.ts";

/** An object as the run saw it. */
export interface Opened {
  connection: string;
  bucket: string;
  key: string;
  etag: string;
  size: number;
}

/** 64 hex digits; undefined where nothing says which version of the object would be read. */
export async function resultKey(
  kind: Modality,
  definition: string,
  input: Input,
  opened: ReadonlyMap<string, Opened>,
): Promise<string | undefined> {
  if ("text" in input) return hash([kind, definition, input.text]);
  const object = opened.get(input.url);
  const etag = object && strong(object.etag);
  if (!object || etag === undefined) return undefined;
  const { connection, bucket, key, size } = object;
  // Stores differ in what an ETag promises, so it alone does not stand for the bytes.
  return hash([kind, definition, connection, bucket, key, etag, size, input.span?.start, input.span?.end]);
}

/** Whether what was read is what the run saw: only then is a result kept under its key. */
export const isSame = (
  seen: Opened,
  read: { etag?: string | undefined; size: number } | undefined,
): boolean => read?.etag !== undefined && strong(read.etag) === strong(seen.etag) && read.size === seen.size;

/** An ETag without its quotes. A weak one is of no use: it may stand for other bytes. */
const strong = (etag: string): string | undefined =>
  etag === "" || etag.startsWith("W/") ? undefined : etag.replace(/^"|"$/g, "");

async function hash(parts: unknown[]): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify(parts));
  return Buffer.from(await crypto.subtle.digest("SHA-256", text)).toString("hex");
}
