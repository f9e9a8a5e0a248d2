// One ranged GET, its retries, and what each answer of a source means. Free of state but for connections
// that are kept: `objects.ts` decides what to ask for and keeps what came, `address.ts` says from whom.

import { Buffer } from "node:buffer";
import { once as event } from "node:events";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import { type Failure, fail, ok, type Result } from "../../../../src/shapes/failure.ts";
import { isChallenge, USER_AGENT } from "../../../../src/shapes/user-agent.ts";
import { objectName } from "../object-name.ts";
import { PrivateAddress, privateHost, publicLookup, refusedHost } from "./address.ts";

const MAX_ATTEMPTS = 3;
const REQUEST_MS = 20_000;

const agents = {
  "http:": new http.Agent({ keepAlive: true }),
  "https:": new https.Agent({ keepAlive: true }),
};

export interface Fetched {
  data: Buffer;
  /** Size of the whole object. */
  total: number;
  etag: string | undefined;
  /** The whole object as a stream: the source took no notice of the range. */
  whole?: IncomingMessage;
  /** It is still the version that `noneMatch` names. */
  unchanged?: true;
}

/** ETags: the version that must be read, or the one that need not come again. */
export interface Conditions {
  match?: string | undefined;
  noneMatch?: string | undefined;
}

/**
 * GET of the bytes from `start` up to, not including, `end`. Server errors, 429 and broken connections are
 * tried three times; everything else is answered at once. Redirects are not followed: a signed URL names
 * its object, and what it points to elsewhere was neither signed for nor checked.
 */
export async function fetchRange(
  url: string,
  start: number,
  end: number,
  conditions: Conditions,
  allowed: ReadonlySet<string>,
  onRetry: () => void,
): Promise<Result<Fetched>> {
  let last: Failure | undefined;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (attempt > 1) {
      onRetry();
      await wait(100 * 4 ** (attempt - 2) * (0.5 + Math.random()));
    }
    const got = await fetchOnce(url, start, end, conditions, allowed);
    if (got.ok || got.failure.kind !== "unavailable") return got;
    last = got.failure;
  }
  return { ok: false, failure: last ?? fail("unavailable", `${objectName(url)} could not be read`).failure };
}

async function fetchOnce(
  url: string,
  start: number,
  end: number,
  { match, noneMatch }: Conditions,
  allowed: ReadonlySet<string>,
): Promise<Result<Fetched>> {
  const where = objectName(url);
  const conditions = {
    // A weak tag never satisfies If-Match (RFC 9110, 13.1.1).
    ...(match && !match.startsWith("W/") && { "if-match": match }),
    ...(noneMatch && { "if-none-match": noneMatch }),
  };
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(), REQUEST_MS);
  try {
    const answer = await get(
      url,
      { ...conditions, range: `bytes=${start}-${end - 1}` },
      allowed,
      slow.signal,
    );
    if ("kind" in answer) return { ok: false, failure: { ...answer, where } };
    const tag = answer.headers.etag;
    if (answer.statusCode === 200) {
      answer.setTimeout(REQUEST_MS, () => answer.destroy());
      return ok({ data: Buffer.alloc(0), total: 0, etag: tag, whole: answer });
    }
    if (answer.statusCode === 206) {
      const total = Number(/^bytes \d+-\d+\/(\d+)$/.exec(answer.headers["content-range"] ?? "")?.[1]);
      const data = await bytesOf(answer, end - start);
      if (Number.isSafeInteger(total) && data) return ok({ data, total, etag: tag });
      const detail = data ? "ranges without saying of how much" : "more than the range that was asked for";
      return fail("source_refused", `${where}: its server sends ${detail}`, { where });
    }
    answer.destroy();
    if (answer.statusCode === 304 && noneMatch)
      return ok({ data: Buffer.alloc(0), total: 0, etag: noneMatch, unchanged: true });
    if (answer.statusCode === 416) return ok({ data: Buffer.alloc(0), total: 0, etag: tag });
    if (isChallenge(answer.statusCode ?? 0, String(answer.headers["cf-mitigated"])))
      return { ok: false, failure: { ...challenged(where), where } };
    return refusalOf(answer.statusCode ?? 0, where, answer.headers["retry-after"]);
  } catch (error) {
    if (error instanceof PrivateAddress) {
      return { ok: false, failure: { ...privateHost(new URL(url).hostname), where } };
    }
    return fail("unavailable", `reading ${where} ${slow.signal.aborted ? "took too long" : "broke off"}`, {
      where,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** The answer's head, or why the host is not asked at all. */
async function get(
  from: string,
  headers: http.OutgoingHttpHeaders,
  allowed: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<IncomingMessage | Failure> {
  const url = new URL(from);
  const isAllowed = allowed.has(url.origin);
  const refusal = isAllowed ? undefined : refusedHost(url);
  if (refusal) return refusal;
  const { request } = url.protocol === "https:" ? https : http;
  const agent = agents[url.protocol === "https:" ? "https:" : "http:"];
  const lookup = isAllowed ? {} : { lookup: publicLookup };
  const outgoing = request(url, {
    agent,
    ...lookup,
    signal,
    headers: { ...headers, "accept-encoding": "identity", "user-agent": USER_AGENT },
  });
  // Errors after the answer has begun are the answer's, and reported there.
  outgoing.on("error", () => {});
  const [answer] = (await event(outgoing.end(), "response")) as [IncomingMessage];
  return answer;
}

/** A body of at most so many bytes; undefined where more comes. */
async function bytesOf(answer: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The zone in front of the object wants to see a browser: nothing was said of the object. */
const challenged = (where: string): Failure => ({
  kind: "unavailable",
  detail: `${where} cannot be read now: Cloudflare challenges the request`,
  next: "Except /v1/objects/ from bot checks on the zone of the router's domain: docs/deploy.md says how.",
});

function refusalOf(
  status: number,
  where: string,
  retryAfter: string | undefined,
): { ok: false; failure: Failure } {
  const reason = `its server answered ${status}`;
  if (status === 404 || status === 410) return fail("object_gone", `${where} is gone: ${reason}`, { where });
  if (status === 412) return fail("conflict", `${where} was overwritten while it was read`, { where });
  if (status === 429 || status >= 500) {
    const seconds = Number(retryAfter);
    const after =
      retryAfter !== undefined && seconds > 0 ? { retry_after_seconds: Math.min(seconds, 3600) } : {};
    return fail("unavailable", `${where} cannot be read now: ${reason}`, { where, ...after });
  }
  const next = "Check that the signed URL has not expired and that its signer may read the object.";
  return fail("source_refused", `${where} may not be read: ${reason}`, { where, next });
}
