// Reads a body, no further than a cap. Free of any meaning of the bytes.
import { fail, ok, type Result } from "../shapes/failure.ts";

/** Largest delivery that is read, unless a door sets another cap: 1 MiB. */
export const MAX_BODY_BYTES = 1_048_576;

/**
 * Reads a stream to its end, or gives up as soon as it passes `cap` bytes, whatever its announced length.
 *
 * @returns the bytes, or `too_large`. Rejects only if the stream itself fails.
 */
export async function readCapped(
  stream: ReadableStream<Uint8Array> | null | undefined,
  cap: number,
): Promise<Result<Uint8Array<ArrayBuffer>>> {
  if (!stream) return ok(new Uint8Array(0));
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.byteLength;
    if (length > cap) {
      await reader.cancel();
      return tooLarge(cap);
    }
    chunks.push(next.value);
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return ok(body);
}

/** The refusal of a body over the cap. */
export const tooLarge = (cap: number) =>
  fail("too_large", `The body is larger than ${cap} bytes.`, { expected: `at most ${cap} bytes` });

/** Text of bytes that must be UTF-8; throws if they are not. */
export const utf8 = (bytes: Uint8Array): string => strict.decode(bytes);
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
