// Routes of administration: who may do what (API keys), and who has done what (the audit log).
import { createRoute, z } from "@hono/zod-openapi";
import { SCOPES, scopeSchema } from "../../shapes/key.ts";
import { operationOf } from "../gate/scopes.ts";
import { pageOf } from "../read/answers.ts";
import { json, paging, problems } from "../schemas.ts";
import * as answers from "./answers.ts";

const byId = z.object({ id: z.string().max(100) });
const moment = z.iso.datetime({ offset: true });
const inJson = <T extends z.ZodType>(schema: T) => ({
  body: { content: { "application/json": { schema } }, required: true as const },
});

/** Overlap of a rotation: a day unless said otherwise, at most 30. */
const overlap = z.int().min(0).max(2_592_000).default(86_400);

export const whoami = createRoute({
  method: "get",
  path: "/v1/whoami",
  summary: "The key that asks: its name, its scopes, when it expires",
  ...operationOf("GET", "/v1/whoami"),
  responses: { 200: json(answers.callerSchema, "The key that asks"), ...problems },
});
export const keys = createRoute({
  method: "get",
  path: "/v1/keys",
  summary: "API keys, newest first; never a key itself",
  ...operationOf("GET", "/v1/keys"),
  request: { query: z.object(paging) },
  responses: { 200: json(pageOf(answers.keySchema), "API keys"), ...problems },
});
export const createKey = createRoute({
  method: "post",
  path: "/v1/keys",
  summary: "Make an API key; the answer is the only time that it is shown",
  ...operationOf("POST", "/v1/keys"),
  request: inJson(
    z.strictObject({
      name: z
        .string()
        .trim()
        .regex(/^[\w .@:/+-]{1,100}$/, "1 to 100 letters, digits, spaces and _ . @ : / + -"),
      scopes: z.array(scopeSchema).min(1).max(SCOPES.length),
      expires_at: moment.optional().openapi({ description: "Absent: never" }),
    }),
  ),
  responses: { 201: json(answers.newKeySchema, "The key"), ...problems },
});
export const exchangeKey = createRoute({
  method: "post",
  path: "/v1/keys/exchange",
  summary: "Give up the key that asks for a new one that may do as much for as long",
  ...operationOf("POST", "/v1/keys/exchange"),
  request: inJson(z.strictObject({}).default({})),
  responses: { 201: json(answers.newKeySchema, "The key that holds from now on"), ...problems },
});
export const rotateKey = createRoute({
  method: "post",
  path: "/v1/keys/{id}/rotate",
  summary: "Make a key in the place of another, which stays valid for the overlap",
  ...operationOf("POST", "/v1/keys/{id}/rotate"),
  request: {
    params: byId,
    ...inJson(
      z.strictObject({
        overlap_seconds: overlap,
        expires_at: moment.optional().openapi({ description: "Absent: after as long as the old one had" }),
      }),
    ),
  },
  responses: { 201: json(answers.newKeySchema, "The key"), ...problems },
});
export const revokeKey = createRoute({
  method: "post",
  path: "/v1/keys/{id}/revoke",
  summary: "End a key; within 30 seconds nobody takes it any more",
  ...operationOf("POST", "/v1/keys/{id}/revoke"),
  request: { params: byId, ...inJson(z.strictObject({}).default({})) },
  responses: { 200: json(answers.keySchema, "The key"), ...problems },
});
export const auditLog = createRoute({
  method: "get",
  path: "/v1/audit-log",
  summary: "What was changed through this API, and by which key, newest first",
  ...operationOf("GET", "/v1/audit-log"),
  request: {
    query: z.object({
      ...paging,
      key: z.string().max(100).optional().openapi({ description: "A key's id, or `root`" }),
      action: z.string().max(100).optional(),
      target: z.string().max(300).optional(),
    }),
  },
  responses: { 200: json(pageOf(answers.changeSchema), "Changes"), ...problems },
});
