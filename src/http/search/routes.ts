// The route by which a collection is asked, with the schemas by which it is validated, typed and documented.
import { createRoute, z } from "@hono/zod-openapi";
import { searchRequestSchema } from "../../shapes/search.ts";
import { operationOf } from "../gate/scopes.ts";
import { json, problemContent, problems } from "../schemas.ts";
import { collectionAnswerSchema } from "./answers.ts";

/** Made here, since what src/shapes has was made before it could be named for OpenAPI. */
const questionSchema = z.strictObject(searchRequestSchema.shape).openapi("SearchRequest");

export const search = createRoute({
  method: "post",
  path: "/v1/collections/{name}/search",
  summary: "Ask a collection: in words, by a picture, by an item or a moment, by a vector",
  ...operationOf("POST", "/v1/collections/{name}/search"),
  request: {
    params: z.object({ name: z.string().max(300) }),
    body: {
      content: { "application/json": { schema: questionSchema } },
      required: true,
    },
  },
  responses: {
    200: json(collectionAnswerSchema, "Hits, best first, and what could not be asked"),
    ...problems,
    413: problemContent("The body, or the picture, is too large"),
    415: problemContent("The body is not JSON"),
    422: problemContent("The picture cannot be read, or no model of the collection takes such a question"),
  },
});
