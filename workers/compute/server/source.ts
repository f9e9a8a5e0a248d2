// One ranged GET, its retries, and what each answer of a source means. Free of state: `reader.ts` decides
// what to ask for and keeps what came.
import { Buffer } from "node:buffer";
import { setTimeout as wait } from "node:timers/promises";
import { type Failure, fail, ok, type Result } from "../../../src/shapes/failure.ts";

const ATTEMPTS = 3;
const REQUEST_MS = 20_000;

export interface Fetched {
  data: Buffer;
  /** Size of the whole object. */
  total: number;
  etag: string | undefined;
  /** The whole object as a stream: the source took no notice of the range. */
  whole?: ReadableStream<Uint8Array>;
}

/** What to call an object in a message: the end of its URL's path. Never the query, which holds signatures. */
export function objectName(url: string): string {
  const path = new URL(url).pathname.split("/").filter(Boolean).slice(-3).join("/");
  try {
    return decodeURIComponent(path) || "the object";
  } catch {
    return path;
  }
}

/**
 * GET of the bytes from `start` up to, not including, `end`. Server errors, 429 and broken connections are
 * tried three times; everything else is answered at once. Redirects are not followed: a signed URL names
 * its object, and what it points to elsewhere was not signed for.
 */
export async function fetchRange(
  url: string,
  start: number,
  end: number,
  etag: string | undefined,
  onRetry: () => void,
): Promise<Result<Fetched>> {
  let last: Failure | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (attempt > 1) {
      onRetry();
      await wait(100 * 4 ** (attempt - 2) * (0.5 + Math.random()));
    }
    const got = await once(url, start, end, etag);
    if (got.ok || got.failure.kind !== "unavailable") return got;
    last = got.failure;
  }
  return { ok: false, failure: last ?? fail("unavailable", `${objectName(url)} could not be read`).failure };
}

async function once(
  url: string,
  start: number,
  end: number,
  etag: string | undefined,
): Promise<Result<Fetched>> {
  const where = objectName(url);
  const headers: Record<string, string> = {
    range: `bytes=${start}-${end - 1}`,
    "accept-encoding": "identity",
  };
  // A weak tag never satisfies If-Match (RFC 9110, 13.1.1).
  if (etag && !etag.startsWith("W/")) headers["if-match"] = etag;
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(), REQUEST_MS);
  try {
    const answer = await fetch(url, { headers, redirect: "manual", signal: slow.signal });
    const tag = answer.headers.get("etag") ?? undefined;
    if (answer.status === 206) {
      const total = Number(/^bytes \d+-\d+\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1]);
      if (!Number.isSafeInteger(total)) {
        return fail("source_refused", `${where}: its server sends ranges without saying of how much`, {
          where,
        });
      }
      return ok({ data: Buffer.from(await answer.arrayBuffer()), total, etag: tag });
    }
    if (answer.status === 200 && answer.body) {
      return ok({ data: Buffer.alloc(0), total: 0, etag: tag, whole: answer.body });
    }
    await answer.body?.cancel();
    if (answer.status === 416) return ok({ data: Buffer.alloc(0), total: 0, etag: tag });
    return refused(answer.status, where, answer.headers.get("retry-after"));
  } catch {
    return fail("unavailable", `reading ${where} ${slow.signal.aborted ? "took too long" : "broke off"}`, {
      where,
    });
  } finally {
    clearTimeout(timer);
  }
}

function refused(status: number, where: string, retryAfter: string | null): { ok: false; failure: Failure } {
  const said = `its server answered ${status}`;
  if (status === 404 || status === 410) return fail("object_gone", `${where} is gone: ${said}`, { where });
  if (status === 412) return fail("conflict", `${where} was overwritten while it was read`, { where });
  if (status === 429 || status >= 500) {
    const seconds = Number(retryAfter);
    const after = retryAfter !== null && seconds > 0 ? { retry_after_seconds: Math.min(seconds, 3600) } : {};
    return fail("unavailable", `${where} cannot be read now: ${said}`, { where, ...after });
  }
  const next = "Check that the signed URL has not expired and that its signer may read the object.";
  return fail("source_refused", `${where} may not be read: ${said}`, { where, next });
}
