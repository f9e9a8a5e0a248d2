// connections.json: what each `connection_id` is, how its events arrive and are proven, and the *names*
// of its secrets. Secrets themselves live in `wrangler secret`, locally in `.weir/dev.env`.
import { z } from "zod";
import { DEFAULT_RETENTION, type Retention, retentionSchema } from "./retention.ts";

const name = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]*$/, "the NAME of a variable or secret, like MY_SECRET (never the value itself)");

/** The name of a secret, optionally with the moment after which it is no longer accepted (rotation). */
export const secretRefSchema = z.union([
  name,
  z.strictObject({ name, expires: z.iso.datetime({ offset: true }) }),
]);
const secrets = z.array(secretRefSchema).min(1).max(8);

/** How a connection's events are proven. One entry per way; a request is tried against the ways that claim it. */
export const schemeSchema = z.discriminatedUnion("scheme", [
  /** R2 notifications from their queue: proven by the binding. */
  z.strictObject({ scheme: z.literal("r2-queue") }),
  z.strictObject({
    scheme: z.literal("sns"),
    topic_arns: z
      .array(z.string().regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+$/, "an SNS topic ARN"))
      .min(1),
    /** PEM certificate pinned in place of AWS's (SNS-compatible senders and tests). */
    certificate: name.optional(),
  }),
  z.strictObject({ scheme: z.literal("standard-webhooks"), secrets }),
  z.strictObject({
    scheme: z.literal("eventbridge"),
    auth: z.discriminatedUnion("type", [
      z.strictObject({ type: z.literal("api-key"), header: z.string().min(1), secrets }),
      z.strictObject({ type: z.literal("basic"), username: z.string(), secrets }),
      z.strictObject({ type: z.literal("bearer"), secrets }),
    ]),
    accounts: z
      .array(z.string().regex(/^\d{12}$/))
      .min(1)
      .optional(),
  }),
  z.strictObject({
    scheme: z.literal("sigv4"),
    access_key_id: z.string().min(1),
    secrets,
    region: z.string().min(1),
    service: z.string().min(1),
  }),
  z.strictObject({ scheme: z.literal("bearer"), secrets }),
  z.strictObject({ scheme: z.literal("basic"), username: z.string(), secrets }),
  /** Ceph RGW: the topic's OpaqueData, which every record then carries, is the secret. */
  z.strictObject({ scheme: z.literal("ceph-opaque"), secrets }),
  z.strictObject({ scheme: z.literal("backblaze"), secrets }),
  z.strictObject({
    scheme: z.literal("google-oidc"),
    audience: z.string().min(1),
    email: z.string().min(3),
    /** JWKS document pinned in place of Google's, by the name of the variable that holds it (tests). */
    jwks: name.optional(),
  }),
]);

const connectionId = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, "letters, digits, _ and -, at most 63");
const bucket = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "a bucket name: 3 to 63 of a-z, 0-9, - and .");

export const connectionSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("r2"),
    buckets: z.array(bucket).min(1),
    events: z.array(schemeSchema).default([]),
    retention: retentionSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal("s3"),
    buckets: z.array(bucket).min(1),
    region: z.string().min(1),
    /** Base URL for path-style requests, or the NAME of a variable that holds it. Absent: AWS's own for the region. */
    endpoint: z.union([name, z.url()]).optional(),
    access_key_id: name,
    secret_access_key: name,
    events: z.array(schemeSchema).default([]),
    retention: retentionSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal("d1"),
    database: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
    /** Databases that its collections are spread over, each of at most 10 GB; may be raised later, never lowered. */
    shards: z.literal([1, 2, 4, 8, 16, 32, 64]).optional(),
  }),
]);

/** Most shards that the ledger may have: names of shards are 16 bits of a hash. */
export const MAX_LEDGER_SHARDS = 4096;

const ledgerSchema = z.strictObject({
  /** Number of the ledger's shards, a power of two. It may be raised, never lowered. */
  shards: z
    .int()
    .min(1)
    .max(MAX_LEDGER_SHARDS)
    .refine((count) => Number.isInteger(Math.log2(count)), {
      error: "expected a power of two: 1, 2, 4, 8, …",
    }),
});

export const connectionsSchema = z.strictObject({
  $schema: z.string().optional(),
  ledger: ledgerSchema.optional(),
  connections: z.record(connectionId, connectionSchema),
});

/** Number of the ledger's shards; one where connections.json does not say. */
export const shardCountOf = ({ ledger }: Pick<Connections, "ledger">): number => ledger?.shards ?? 1;

export type SecretRef = z.infer<typeof secretRefSchema>;
export type Scheme = z.infer<typeof schemeSchema>;
export type SchemeName = Scheme["scheme"];
export type Connection = z.infer<typeof connectionSchema>;
/** connections.json, as parsed. */
export type Connections = z.infer<typeof connectionsSchema>;

/** How long a connection's events are kept; the default for one that is no longer there. */
export function retentionOf({ connections }: Connections, id: string): Retention {
  const connection = Object.hasOwn(connections, id) ? connections[id] : undefined;
  return (connection?.kind === "d1" ? undefined : connection?.retention) ?? DEFAULT_RETENTION;
}
