// Turns an error of a store into a failure: documented D1 errors by their text, which is all that D1 gives. Used where a
// run fails, where a batch of messages cannot be recorded, and where a request cannot be answered.
// https://developers.cloudflare.com/d1/observability/debug-d1/#error-list
import { type Failure, FailureError } from "../shapes/failure.ts";

const MAX_DETAIL_CHARS = 1000;
/** Seconds until a full store is tried again: nothing can be written until somebody makes room. */
const FULL_RETRY_SECONDS = 300;

const FULL =
  /exceeded maximum DB size|maximum account storage limit|database or disk is full|SQLITE_FULL|free tier daily row/i;
const BUSY = /D1 DB is overloaded|too many requests queued|requests queued for too long/i;
/** Trigger of a collections database that was narrowed (migrations/collections): a Worker deployed since knows where. */
const ELSEWHERE = /weir: this set lives in another database/;
const PASSING =
  /network connection lost|object to be reset|storage operation exceeded timeout|transient issue on remote node|because its code was updated|client disconnected|internal error|memory limit|CPU time limit|timed? ?out/i;

/** The failure that an error stands for: an expected one as it is, any other by its text. */
export function storeFailure(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  const text = textOf(error);
  const detail = text.slice(0, MAX_DETAIL_CHARS);
  if (FULL.test(text)) {
    const next = "make room: delete what is not needed, or move to another database; what waits then runs";
    return {
      kind: "store_full",
      detail: `a database is full: ${detail}`,
      next,
      retry_after_seconds: FULL_RETRY_SECONDS,
    };
  }
  if (ELSEWHERE.test(text)) {
    const next =
      'this Worker knows of fewer databases than there are: deploy with as many "shards" as there were';
    return { kind: "overloaded", detail: `a set has moved: ${detail}`, next };
  }
  if (BUSY.test(text)) return { kind: "overloaded", detail: `a store is busy: ${detail}` };
  return { kind: "unavailable", detail: `a store did not answer: ${detail}` };
}

/** Whether the store is to blame and not what it was given: the same statement may succeed later. */
export function isPassing(error: unknown): boolean {
  if (error instanceof FailureError) return error.failure.kind !== "internal";
  const text = textOf(error);
  return FULL.test(text) || BUSY.test(text) || PASSING.test(text);
}

/** The error with what caused it: D1 puts its own words there. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error}${cause}`;
}
