// Routes of erasures, with the schemas by which they are validated, typed and documented.
import { createRoute, z } from "@hono/zod-openapi";
import {
  erasedCountSchema,
  erasureScopeSchema,
  receiptKeySchema,
  receiptSchema,
} from "../../shapes/erasure.ts";
import { operationOf } from "../gate/scopes.ts";
import { moment } from "../read/answers.ts";
import { json, problems } from "../schemas.ts";

const { connection, bucket, key, prefix } = erasureScopeSchema.shape;

/** What is to be erased, as a request says it. */
const erasureRequestSchema = z
  .strictObject({
    ...{ connection, key, prefix },
    bucket: bucket.optional().openapi({ description: "Default: the only bucket of the connection" }),
    dry_run: z.boolean().default(false).openapi({ description: "Counts what would go, and erases nothing" }),
  })
  .refine((body) => (body.key === undefined) !== (body.prefix === undefined), {
    error: "expected either `key` or `prefix`",
  })
  .openapi("ErasureRequest");

const erasureSchema = z
  .object({
    id: z.string(),
    status: z.enum(["sweeping", "settling", "done"]).openapi({
      description:
        "`settling`: what was on its way has time to arrive, then all stores are gone through again",
    }),
    dry_run: z.boolean(),
    connection: z.string(),
    hash: z.string().openapi({ description: "Keyed hash of the key or prefix, which is named nowhere else" }),
    sweep: z.int(),
    store: z.string().nullable().openapi({ description: "The store that the next page is of" }),
    trouble: z.string().nullable().openapi({ description: "Why the last page failed; it is tried again" }),
    objects: z.int(),
    erased: z.array(z.object(erasedCountSchema.shape).openapi("ErasedCount")),
    began_at: moment,
    settles_at: moment,
    ended_at: moment,
    receipt: z.object(receiptSchema.shape).openapi("ErasureReceipt").nullable(),
  })
  .openapi("Erasure");

export const createErasure = createRoute({
  method: "post",
  path: "/v1/erasures",
  summary: "Erase all that Weir keeps of objects, or count it; sent again, it goes on",
  ...operationOf("POST", "/v1/erasures"),
  request: { body: { content: { "application/json": { schema: erasureRequestSchema } }, required: true } },
  responses: { 202: json(erasureSchema, "How far the erasure is"), ...problems },
});

export const erasure = createRoute({
  method: "get",
  path: "/v1/erasures/{id}",
  summary: "An erasure: how far it is, and at the end its receipt",
  ...operationOf("GET", "/v1/erasures/{id}"),
  request: { params: z.object({ id: z.string().max(100) }) },
  responses: { 200: json(erasureSchema, "The erasure"), ...problems },
});

export const erasureKey = createRoute({
  method: "get",
  path: "/v1/erasure-key",
  summary: "The public key that receipts of erasures are signed with",
  ...operationOf("GET", "/v1/erasure-key"),
  responses: { 200: json(z.object(receiptKeySchema.shape).openapi("ErasureKey"), "The key"), ...problems },
});
