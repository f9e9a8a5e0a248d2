// Signed, expiring URLs of moments: a frame or a part of one version of one object. The URL is the only credential; the
// signature covers all that it names. signed-url.ts has those of whole objects.
import { Buffer } from "node:buffer";
import { z } from "zod";
import { MAX_CLIP_SECONDS, type Moment } from "../shapes/question.ts";
import { hmacKey, signingKeyOf } from "./signed-url.ts";

/** In a connection's place: the key that signs moments. No connection can be named so. */
const MOMENTS = "(moments)";
/** The longer side of a frame, pixels. */
const MAX_SIZE = 1_280;

/** A moment until a time, in seconds since the epoch. */
export interface MomentGrant extends Moment {
  expires: number;
}

const querySchema = z.object({
  bucket: z.string(),
  etag: z.string(),
  kind: z.enum(["frame", "clip", "sound"]),
  at: z.coerce.number().min(0),
  end: z.coerce.number().optional(),
  size: z.coerce.number().int().min(16).max(MAX_SIZE),
  expires: z.coerce.number().int(),
  signature: z.string(),
});

const encoder = new TextEncoder();
const keyOf = (root: string) => hmacKey(signingKeyOf(root, MOMENTS));
const covered = ({ connection, bucket, key, etag, kind, at, end, size, expires }: MomentGrant) =>
  encoder.encode(
    JSON.stringify(["weir-moment-v1", connection, bucket, key, etag, kind, at, end ?? null, size, expires]),
  );

/** `{base}/v1/moments/{connection}/{key}?bucket&etag&kind&at&end&size&expires&signature` */
export async function signMomentUrl(base: string, root: string, grant: MomentGrant): Promise<string> {
  const { connection, bucket, key, etag, kind, at, end, size, expires } = grant;
  const signature = Buffer.from(await crypto.subtle.sign("HMAC", await keyOf(root), covered(grant)));
  const url = new URL(`/v1/moments/${connection}/${encodeURIComponent(key)}`, base);
  const query = { bucket, etag, kind, at, ...(end !== undefined && { end }), size, expires };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  url.searchParams.set("signature", signature.toString("base64url"));
  return url.href;
}

/** The moment that a URL grants; undefined where it is not one that Weir has signed. Expiry is the caller's to check. */
export async function momentIn(url: URL, root: string): Promise<MomentGrant | undefined> {
  const [, , , connection = "", encoded = ""] = url.pathname.split("/");
  const query = querySchema.safeParse(Object.fromEntries(url.searchParams));
  const key = decoded(encoded);
  if (!query.success || key === undefined) return undefined;
  const { signature, ...named } = query.data;
  const grant = { connection, key, ...named };
  const bytes = Buffer.from(signature, "base64url");
  if (!(await crypto.subtle.verify("HMAC", await keyOf(root), bytes, covered(grant)))) return undefined;
  const { kind, at, end = at } = grant;
  return kind === "frame" || (end > at && end - at <= MAX_CLIP_SECONDS) ? grant : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
