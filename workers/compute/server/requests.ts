// Bodies that the endpoints take, and refusals as problem documents (RFC 9457).
import type { Context } from "hono";
import { z } from "zod";
import { type Failure, fail, ok, type Result, statusOf } from "../../../src/shapes/failure.ts";

/** Bytes of a body. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** Bytes of a request for embeddings: the texts are in it. */
export const MAX_EMBED_BYTES = 4 * 1024 * 1024;

/** Bytes of a window of speech: 30 seconds of WAV in base64, and some more. */
export const MAX_SOUND_BYTES = 2 * 1024 * 1024;

const url = z
  .url({ protocol: /^https?$/, error: "an http or https URL" })
  .max(8192)
  .refine((value) => new URL(value).username === "", "a URL without a user name or password");
const seconds = z.number().nonnegative().max(1e6);
const span = z
  .strictObject({ start: seconds, end: seconds })
  .refine(({ start, end }) => end > start, "a span whose end is after its start");

const interval = z.number().min(0.1).max(3600);
const scenes = z
  .strictObject({
    threshold: z.number().min(0.01).max(1).optional(),
    min: interval.optional(),
    max: interval.optional(),
  })
  .refine(({ min = 0, max = 3600 }) => min <= max, "a minimum that is not over the maximum");

export const splitSchema = z
  .strictObject({
    url,
    frame_interval: interval.optional(),
    scenes: scenes.optional(),
    keyframes: z.literal(true).optional(),
    max_duration: z.number().positive().max(1e6).optional(),
    overlap: z.number().nonnegative().max(3600).optional(),
  })
  .refine(
    (body) =>
      [body.frame_interval, body.scenes, body.keyframes].filter((way) => way !== undefined).length < 2,
    "one way to split: frame_interval, scenes or keyframes",
  );
export const framesSchema = z
  .strictObject({
    url,
    at: z.array(seconds).min(1).max(1000).optional(),
    every: interval.optional(),
    size: z.int().min(1).max(4096).default(640),
    format: z.enum(["jpeg", "png", "webp"]).default("jpeg"),
  })
  .refine(({ at, every }) => (at === undefined) !== (every === undefined), "one of at and every");
const media = z
  .array(z.strictObject({ url, span: span.optional() }))
  .min(1)
  .max(256);
/** Characters of a text. */
const MAX_TEXT_CHARACTERS = 100_000;
const model = {
  model: z.string().min(1).max(200),
  /** What the caller's models.json says of it, hashed: refused where compute has another. */
  definition: z.string().optional(),
};
export const embedSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.enum(["video", "image"]), items: media, ...model }),
  z.strictObject({
    kind: z.literal("text"),
    items: z
      .array(z.strictObject({ text: z.string().min(1).max(MAX_TEXT_CHARACTERS) }))
      .min(1)
      .max(256),
    ...model,
  }),
]);
export const sampleSchema = z.strictObject({
  kind: z.enum(["video", "image"]),
  items: media,
  size: z.int().min(1).max(2048).default(512),
});
export type EmbedRequest = z.infer<typeof embedSchema>;
export type SampleRequest = z.infer<typeof sampleSchema>;
/** `/v1/clip` and `/v1/audio`. */
export const partSchema = z.strictObject({ url, span });
export const speechSchema = z
  .strictObject({ url, from: seconds.default(0), until: seconds.optional() })
  .refine(({ from, until }) => until === undefined || until > from, "an until that is after from");
export const transcribeSchema = z.strictObject({
  /** A WAV. */
  audio: z.base64().min(1),
  language: z.string().min(2).max(20).optional(),
  ...model,
});
export type TranscribeRequest = z.infer<typeof transcribeSchema>;
/** `/v1/image` and `/v1/probe`. */
export const urlSchema = z.strictObject({ url });

/** Content types that say that a body is JSON. A page of another origin cannot say so without asking first. */
const JSON_TYPE = /^application\/json\s*(;|$)/i;

/** A request's JSON, checked. */
export async function parseBody<T>(c: Context, schema: z.ZodType<T>): Promise<Result<T>> {
  if (!JSON_TYPE.test(c.req.header("content-type") ?? "")) {
    const next = "Send JSON with the content type application/json.";
    return fail("unsupported_media_type", "The body is not said to be JSON.", {
      where: "content-type",
      next,
    });
  }
  let json: unknown;
  try {
    json = await c.req.json();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return fail("invalid", "the body is not JSON");
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".") || "body";
  return fail("invalid", `${where}: ${issue?.message ?? "not as expected"}`, { where });
}

/** A problem document; the failure itself is a member of it. */
export function refusal(failure: Failure): Response {
  const status = statusOf(failure.kind);
  const problem = {
    type: `urn:weir:failure:${failure.kind}`,
    title: failure.kind,
    status,
    detail: failure.detail,
  };
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (status === 503) headers["retry-after"] = String(failure.retry_after_seconds ?? 5);
  return new Response(JSON.stringify({ ...problem, failure }), { status, headers });
}
