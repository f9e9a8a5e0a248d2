// Senders that can be set up, by the names that people give them, and the schemes that may prove each, the most likely
// first. Weir itself recognises a sender by the shape of its message.
import type { SchemeName } from "../../shapes/connection.ts";

const ANY: readonly SchemeName[] = [
  "standard-webhooks",
  "sigv4",
  "bearer",
  "basic",
  "eventbridge",
  "backblaze",
  "google-oidc",
  "sns",
];

export const SENDER_SCHEMES = {
  sns: ["sns"],
  eventbridge: ["eventbridge"],
  "standard-webhooks": ["standard-webhooks"],
  sigv4: ["sigv4"],
  minio: ["bearer", "basic"],
  ceph: ["basic", "ceph-opaque"],
  b2: ["backblaze"],
  tigris: ["bearer", "basic"],
  gcs: ["google-oidc"],
  cloudevents: ANY,
  r2: ["r2-queue"],
} as const satisfies Record<string, readonly SchemeName[]>;

export type SenderName = keyof typeof SENDER_SCHEMES;
export const SENDER_NAMES = Object.keys(SENDER_SCHEMES) as SenderName[];
