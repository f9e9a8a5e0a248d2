// Schemas that routes share: paging, the Idempotency-Key, and the problems that any of them may answer with.
import { z } from "@hono/zod-openapi";
import * as answers from "./read/answers.ts";

export const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { "application/json": { schema } },
});
export const problemContent = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: answers.problemSchema } },
});
export const problems = {
  400: problemContent("The input is not what is expected"),
  401: problemContent("No API key, or not a valid one"),
  403: problemContent("The API key lacks the scope that is needed"),
  404: problemContent("There is no such thing"),
  409: problemContent("Not in a state for that"),
  422: problemContent("The Idempotency-Key was used for another request"),
  429: problemContent("Too many API keys that are not known came from the address"),
  503: problemContent("Ours to fix, or too busy; try again after Retry-After"),
};

export const paging = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(4000).optional(),
};

/** Form of an `Idempotency-Key`, for a person. */
export const IDEMPOTENCY_KEY_FORM = "1 to 200 letters, digits and - _ . ~ : + / = @";

/** Header of the routes that take a key, as /openapi.json documents it. */
export const idempotencyHeader = z.object({
  "idempotency-key": z
    .string()
    .optional()
    .openapi({
      description: `${IDEMPOTENCY_KEY_FORM}. Sent again within 24 hours by the same API key, the same request has the same answer and no second effect.`,
    }),
});
