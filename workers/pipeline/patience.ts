// Retries of a call while the other side is busy or away, as long as the pauses are short. A run that must wait longer
// goes back to its queue instead, and frees its Worker. compute.ts and endpoint.ts call through it.
import { type Failure, FailureError, type Result } from "../../src/shapes/failure.ts";

export const MAX_TRIES = 5;
/** Longest pause between tries. */
const MAX_PAUSE_MS = 10_000;

/** Abort signal and randomness of the retries. */
export interface Patience {
  signal: AbortSignal;
  random: () => number;
}

/** Calls `ask` until it succeeds. `turn` counts its calls from 0. Throws {@link FailureError}. */
export async function patiently<T>(
  { signal, random }: Patience,
  ask: (turn: number) => Promise<Result<T>>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    const answer = await ask(tries - 1);
    if (answer.ok) return answer.value;
    signal.throwIfAborted();
    const { failure } = answer;
    const pause = failure.retry_after_seconds
      ? failure.retry_after_seconds * 1000
      : 200 * 2 ** tries * random();
    const isPassing = failure.kind === "unavailable" || failure.kind === "overloaded";
    if (!isPassing || tries >= MAX_TRIES || pause > MAX_PAUSE_MS) throw new FailureError(failure);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Seconds to wait by an answer's Retry-After (RFC 9110, 10.2.3), at most an hour. */
export function retryAfter({ headers }: Response): Pick<Failure, "retry_after_seconds"> {
  const header = headers.get("retry-after");
  if (header === null) return {};
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return seconds > 0 ? { retry_after_seconds: Math.min(Math.ceil(seconds), 3600) } : {};
}
