// An erasure: which objects it covers, what it counts, and the receipt that says what was where. Keys are named in a
// receipt by keyed hashes alone.
import { z } from "zod";

/** Objects of a bucket: one key, or all keys that begin so. */
export const erasureScopeSchema = z
  .strictObject({
    connection: z.string().min(1).max(63),
    bucket: z.string().min(1).max(255),
    key: z.string().min(1).max(1_024).optional(),
    prefix: z.string().min(1).max(1_024).optional(),
  })
  .refine(({ key, prefix }) => (key === undefined) !== (prefix === undefined), {
    error: "expected either `key` or `prefix`",
  });
export type ErasureScope = z.infer<typeof erasureScopeSchema>;

/** An object by name. */
export interface ObjectName {
  connection: string;
  bucket: string;
  key: string;
}

/** Whether an object is one of those that a scope names. */
export const covers = (scope: ErasureScope, { connection, bucket, key }: ObjectName): boolean =>
  connection === scope.connection &&
  bucket === scope.bucket &&
  key !== "" &&
  (scope.key === undefined ? key.startsWith(scope.prefix ?? "\0") : key === scope.key);

/** How much there was in one table, or under one prefix of a bucket, of a store. */
export const erasedCountSchema = z.object({ store: z.string(), table: z.string(), count: z.int() });
export type ErasedCount = z.infer<typeof erasedCountSchema>;

/** What a receipt says, and what its signature covers. */
export const receiptBodySchema = z.object({
  version: z.literal(1),
  id: z.string(),
  /** Address of the router. */
  weir: z.string(),
  commit: z.string(),
  connection: z.string(),
  scope: z.object({ kind: z.enum(["key", "prefix"]), hash: z.string() }),
  began_at: z.string(),
  ended_at: z.string(),
  by: z.object({ key_id: z.string(), key_name: z.string() }),
  objects: z.object({ count: z.int(), hashes: z.array(z.string()) }),
  erased: z.array(erasedCountSchema),
  /** Stores that this Weir once had and reaches no more. */
  not_reached: z.array(z.string()),
});
export type ReceiptBody = z.infer<typeof receiptBodySchema>;

/** The public key that receipts are signed with (RFC 8037). */
export const receiptKeySchema = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string(),
  /** SHA-256 of the key's bytes, by which a person knows it again. */
  kid: z.string(),
});
export type ReceiptKey = z.infer<typeof receiptKeySchema>;

export const receiptSchema = receiptBodySchema.extend({
  signature: z.object({ key: receiptKeySchema, value: z.string() }),
});
export type Receipt = z.infer<typeof receiptSchema>;
