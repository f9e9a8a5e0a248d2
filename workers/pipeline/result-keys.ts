// The key of a kept embedding: a hash of the object version, the span or text, and the model's definition. Two runs that
// come to the same key would compute the same vector. embeddings.ts looks results up by it.

import { sha256Hex } from "../../src/shapes/hash.ts";
import type { Modality } from "../../src/shapes/model.ts";
import type { EmbedInput } from "./compute.ts";

/** An object as the run saw it. */
export interface SeenObject {
  connection: string;
  bucket: string;
  key: string;
  etag: string;
  size: number;
}

/** Key of an embedding, or of what a model heard (`heard`, `transcript`): 64 hex digits; undefined where no ETag names the version of the object that would be read. */
export async function resultKey(
  kind: Modality | "heard" | "transcript",
  definition: string,
  input: EmbedInput,
  opened: ReadonlyMap<string, SeenObject>,
): Promise<string | undefined> {
  if ("text" in input) return hashOf([kind, definition, input.text]);
  const object = opened.get(input.url);
  const etag = object && strong(object.etag);
  if (!object || etag === undefined) return undefined;
  const { connection, bucket, key, size } = object;
  // Stores differ in what an ETag promises, so it alone does not stand for the bytes.
  return hashOf([kind, definition, connection, bucket, key, etag, size, input.span?.start, input.span?.end]);
}

/** Whether compute read the version that the run saw: only then is a result kept under its key. */
export const isSame = (
  seen: SeenObject,
  read: { etag?: string | undefined; size: number } | undefined,
): boolean => read?.etag !== undefined && strong(read.etag) === strong(seen.etag) && read.size === seen.size;

/** A strong ETag without its quotes; undefined for a weak one, which may stand for other bytes. */
const strong = (etag: string): string | undefined =>
  etag === "" || etag.startsWith("W/") ? undefined : etag.replace(/^"|"$/g, "");

const hashOf = (parts: unknown[]): string => sha256Hex(JSON.stringify(parts));
