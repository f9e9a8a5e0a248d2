// The failure union: everything that may go wrong and is expected to. Each kind has one HTTP status and
// one verdict, in one exhaustive switch each. Exceptions are for bugs, and are caught once, at a door.

export type FailureKind =
  // at the doors
  | "unproven"
  | "forbidden"
  | "missing_scope"
  | "too_large"
  | "unsupported_media_type"
  | "invalid"
  | "malformed"
  | "not_found"
  | "conflict"
  | "key_reused"
  | "too_many_requests"
  | "unavailable"
  | "internal"
  // in a run
  | "object_gone"
  | "object_archived"
  | "superseded"
  | "erased"
  | "source_refused"
  | "bad_media"
  | "unknown_model"
  | "bad_model"
  | "invalid_return"
  | "bad_handler"
  | "handler_failed"
  | "timeout"
  | "overloaded"
  | "store_full"
  | "cancelled";

/** What went wrong, for a person: what, where, what was expected, and what to do next. */
export interface Failure {
  kind: FailureKind;
  /** One sentence: what was wrong. Never holds a secret, a signature or a signed URL. */
  detail: string;
  /** A path into the input, a header's name, an object: whatever names the place. */
  where?: string;
  expected?: string;
  next?: string;
  retry_after_seconds?: number;
}

/** Longest text of a failure that is kept, sent on or answered, characters: more is cut. */
export const MAX_FAILURE_CHARS = 1_000;

/** The failure with its texts cut to a length that people read: they may quote a request or a handler. */
export function shortFailure(failure: Failure): Failure {
  const short = { ...failure };
  for (const name of ["detail", "where", "expected", "next"] as const) {
    const text = short[name];
    if (text !== undefined && text.length > MAX_FAILURE_CHARS)
      short[name] = `${text.slice(0, MAX_FAILURE_CHARS - 1)}…`;
  }
  return short;
}

/** `retry`: counted, with delay. `wait`: retried without counting the attempt. `drop`: skipped, reason kept. `dead`: dead letter. */
export type Verdict = "retry" | "wait" | "drop" | "dead";

export type Result<T> = { ok: true; value: T } | { ok: false; failure: Failure };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });

export function fail(
  kind: FailureKind,
  detail: string,
  more: Omit<Failure, "kind" | "detail"> = {},
): { ok: false; failure: Failure } {
  return { ok: false, failure: { kind, detail, ...more } };
}

/** Thrown only where a call stack must be left (a handler's SDK call); doors turn it back into its Failure. */
export class FailureError extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.detail);
    this.name = "FailureError";
    this.failure = failure;
  }
}

/** The failure of a name that stands for nothing: "there is no run run_1". `what` is the kind and the name. */
export const notFound = (what: string, more: Omit<Failure, "kind" | "detail"> = {}): FailureError =>
  new FailureError({ kind: "not_found", detail: `there is no ${what}`, ...more });

/** HTTP status of a failure: a caller's fault is never 5xx, ours is never 4xx. */
export function statusOf(
  kind: FailureKind,
): 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 429 | 500 | 503 | 504 {
  switch (kind) {
    case "invalid":
      return 400;
    case "unproven":
      return 401;
    case "forbidden":
    case "missing_scope":
      return 403;
    case "not_found":
    case "object_gone":
      return 404;
    case "conflict":
    case "object_archived":
    case "superseded":
    case "erased":
    case "cancelled":
      return 409;
    case "too_large":
      return 413;
    case "unsupported_media_type":
      return 415;
    case "malformed":
    case "key_reused":
    case "bad_media":
    case "unknown_model":
    case "invalid_return":
      return 422;
    case "too_many_requests":
      return 429;
    case "internal":
    case "bad_handler":
    case "bad_model":
    case "handler_failed":
      return 500;
    case "unavailable":
    case "overloaded":
    case "store_full":
    case "source_refused":
      return 503;
    case "timeout":
      return 504;
    default:
      return unreachable(kind);
  }
}

/** What a run that ends with this failure should do next. */
export function verdictOf(kind: FailureKind): Verdict {
  switch (kind) {
    case "object_gone":
    case "object_archived":
    case "superseded":
    case "erased":
    case "cancelled":
      return "drop";
    case "unavailable":
    case "internal":
    case "handler_failed":
    case "timeout":
    case "conflict":
      return "retry";
    case "overloaded":
    case "store_full":
    case "too_many_requests":
      return "wait";
    case "unproven":
    case "forbidden":
    case "missing_scope":
    case "too_large":
    case "unsupported_media_type":
    case "invalid":
    case "malformed":
    case "key_reused":
    case "not_found":
    case "source_refused":
    case "bad_media":
    case "unknown_model":
    case "bad_model":
    case "invalid_return":
    case "bad_handler":
      return "dead";
    default:
      return unreachable(kind);
  }
}

function unreachable(value: never): never {
  throw new Error(`unhandled case: ${String(value)}`);
}
