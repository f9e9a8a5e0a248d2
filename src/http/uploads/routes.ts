// The route by which a file is put into a connected bucket, with the schemas that validate and document it.
import { createRoute, z } from "@hono/zod-openapi";
import { operationOf } from "../gate/scopes.ts";
import { json, problemContent, problems } from "../schemas.ts";

const uploadedSchema = z
  .object({
    ...{ connection: z.string(), bucket: z.string(), key: z.string(), size: z.number(), etag: z.string() },
    reported_by: z.array(z.string()).openapi({
      description:
        "Schemes by which connections of the bucket hear of it: its event comes by them, not by this answer",
    }),
  })
  .openapi("Uploaded");

export const upload = createRoute({
  method: "put",
  path: "/v1/uploads/{connection}/{bucket}/{key}",
  summary:
    "Put a file of at most 100 MB into a connected bucket; its headers x-amz-meta-NAME become metadata",
  ...operationOf("PUT", "/v1/uploads/{connection}/{bucket}/{key}"),
  request: {
    params: z.object({
      connection: z.string().max(300),
      bucket: z.string().max(300),
      key: z.string().min(1).max(1024).openapi({ description: "With its slashes as %2F" }),
    }),
    body: {
      content: {
        "application/octet-stream": { schema: z.string().openapi({ type: "string", format: "binary" }) },
      },
      required: true,
    },
  },
  responses: {
    201: json(uploadedSchema, "The object is in its bucket"),
    ...problems,
    413: problemContent("The file is too large to go through a Worker"),
  },
});
