// Hops: the number of pipelines that an object has come through, in its metadata. Whoever uploads an object can set any
// metadata, so a count is believed only with Weir's proof, which is valid for this object and no other.
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Env } from "../../env.ts";
import { HOPS_KEY } from "../../shapes/bindings.ts";
import { HOPS, hopsIn, metadataOf } from "./written.ts";

/** HMAC-SHA-256, base64url, of bucket, key and count. */
export const PROOF = "weir-hops-proof";

export interface ObjectPlace {
  bucket: string;
  key: string;
}

export interface Hops {
  /** Metadata that says and proves the count. */
  written(place: ObjectPlace, hops: number | undefined): Record<string, string>;
  /** The count that an object's metadata says and proves; 0 where anybody may have written it. */
  proven(place: ObjectPlace, metadata: Readonly<Record<string, string>>): number;
}

/** The key that proves counts, from the root key: which follows from it no more than the signing keys do. */
export const hopsKeyOf = (root: string): string =>
  createHmac("sha256", root)
    .update(JSON.stringify(["weir-hops-key-v1"]))
    .digest("hex");

/** Counts by the key that every Worker of Weir has; the router has the root key in its place. */
export function openHops(env: Pick<Env, "setting" | "required">): Hops {
  const root = env.setting("WEIR_SIGNING_KEY");
  return hopsBy(root === undefined ? env.required(HOPS_KEY) : hopsKeyOf(root));
}

/** Counts by a key in hand. */
export function hopsBy(secret: string): Hops {
  const proof = ({ bucket, key }: ObjectPlace, hops: string) =>
    createHmac("sha256", secret)
      .update(JSON.stringify(["weir-hops-v1", bucket, key, hops]))
      .digest();
  return {
    written(place, hops) {
      const metadata = metadataOf(hops);
      return { ...metadata, [PROOF]: proof(place, metadata[HOPS]).toString("base64url") };
    },
    proven(place, metadata) {
      const given = Buffer.from(metadata[PROOF] ?? "", "base64url");
      const due = proof(place, metadata[HOPS] ?? "");
      return given.length === due.length && timingSafeEqual(given, due) ? hopsIn(metadata) : 0;
    },
  };
}
