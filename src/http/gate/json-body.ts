// Checks of a body before any handler reads it: within the route's size, JSON by its type, not nested without end.
// Webhooks have rules of their own (receive/).
import type { Context, Next } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import { problem } from "../problem.ts";

const MAX_BODY_BYTES = 100_000;
/** Largest body of an invocation: its payload is in memory several times over, and a Worker has 128 MB. */
const MAX_INVOCATION_BYTES = 5_000_000;
/** Largest question: its picture comes as base64, its vector as numbers. */
const MAX_QUESTION_BYTES = 12_000_000;
/** Objects and lists inside each other, at most: code that writes, compares or copies JSON calls itself for each. */
export const MAX_JSON_DEPTH = 128;

const limited = (maxSize: number) =>
  bodyLimit({
    maxSize,
    onError: () => {
      const detail = `The body is larger than ${maxSize} bytes.`;
      return problem({ kind: "too_large", detail, where: "body", expected: `at most ${maxSize} bytes` });
    },
  });
const smallBody = limited(MAX_BODY_BYTES);
const invocationBody = limited(MAX_INVOCATION_BYTES);
const questionBody = limited(MAX_QUESTION_BYTES);

/** Limits a body to the size that its route takes. */
export const boundedBody = createMiddleware((c, next) => {
  if (/^\/v1\/pipelines\/[^/]+\/invoke$/.test(c.req.path)) return invocationBody(c, next);
  return /^\/v1\/collections\/[^/]+\/search$/.test(c.req.path) ? questionBody(c, next) : smallBody(c, next);
});

/** Lets in a body that says that it is JSON, and is nested no deeper than people nest. */
export const jsonBody = createMiddleware(async (c: Context, next: Next) => {
  if (c.req.method !== "POST") return next();
  const type = c.req.header("content-type") ?? "none";
  if (!/^application\/(.+\+)?json\b/i.test(type)) {
    const detail = `The body's content type is ${type.slice(0, 80)}.`;
    const expected = "application/json";
    return problem({ kind: "unsupported_media_type", detail, where: "Content-Type", expected });
  }
  if (isDeeper(await c.req.text(), MAX_JSON_DEPTH)) {
    const detail = `The body has more than ${MAX_JSON_DEPTH} objects and lists inside each other.`;
    return problem({ kind: "invalid", detail, where: "body", expected: "JSON that is nested less deeply" });
  }
  return next();
});

const QUOTE = 34;
const BACKSLASH = 92;

/** Whether a JSON text opens more brackets inside each other than `most`. Reads each character once. */
export function isDeeper(text: string, most: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      for (i++; i < text.length && text.charCodeAt(i) !== QUOTE; i++) {
        if (text.charCodeAt(i) === BACKSLASH) i++;
      }
    } else if (code === 91 || code === 123) {
      if (++depth > most) return true;
    } else if (code === 93 || code === 125) depth--;
  }
  return false;
}
