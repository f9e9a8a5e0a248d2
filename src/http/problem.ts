// A failure as an HTTP answer: RFC 9457 problem details. The one place where failures become responses.
import { type Failure, shortFailure, statusOf } from "../shapes/failure.ts";

/** Answers with a failure as `application/problem+json`; a 503 and a 429 carry Retry-After. */
export function problem(failure: Failure): Response {
  const status = statusOf(failure.kind);
  const { kind, detail, where, expected, next, retry_after_seconds } = shortFailure(failure);
  const body = {
    type: `urn:weir:problem:${kind}`,
    title: kind.replaceAll("_", " "),
    status,
    detail,
    where,
    expected,
    next,
  };
  const headers = new Headers({ "content-type": "application/problem+json" });
  if (status === 503 || status === 429) headers.set("retry-after", String(retry_after_seconds ?? 5));
  if (status === 401) headers.set("www-authenticate", "Bearer");
  return new Response(JSON.stringify(body), { status, headers });
}
