// The body of POST /v1/python: one turn of a run. `start` with the first, `answer` with each after it, `end`
// when no more is needed.
import { z } from "zod";

/** Bytes of a body: the plan of a long video is an answer too. */
export const MAX_PYTHON_BYTES = 32 * 1024 * 1024;

const startSchema = z.strictObject({
  /** The pipeline's alias; a warm interpreter is kept for each. */
  pipeline: z.string().min(1).max(100),
  /** The text of handler.py. */
  source: z.string().max(4_000_000),
  /** The secrets that the pipeline's config names, for the handler's environment. */
  env: z.record(z.string(), z.string()).default({}),
  event: z.record(z.string(), z.unknown()),
  timeout_ms: z.int().min(1).max(900_000),
});

export const pythonSchema = z.strictObject({
  run: z.uuid(),
  /** 1 for the first. Sent again, a turn gives the same answer again. */
  turn: z.int().min(1).default(1),
  start: startSchema.optional(),
  answer: z.record(z.string(), z.unknown()).optional(),
  end: z.literal(true).optional(),
});

export type PythonStart = z.infer<typeof startSchema>;
export type PythonRequest = z.infer<typeof pythonSchema>;
