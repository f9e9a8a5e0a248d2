// Asking again while the other side is busy or away, as long as the waits are short. What must wait longer goes
// back to its queue instead: a run holds its Worker only while something comes of it.
import { type Failure, FailureError, type Result } from "../../src/shapes/failure.ts";

export const MAX_TRIES = 5;
/** Longest pause between tries. */
const MAX_PAUSE_MS = 10_000;

export interface Patience {
  signal: AbortSignal;
  random: () => number;
}

/** Asks until it is answered. `turn` is 0 for the first try. Throws {@link FailureError}. */
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
    const passing = failure.kind === "unavailable" || failure.kind === "overloaded";
    if (!passing || tries >= MAX_TRIES || pause > MAX_PAUSE_MS) throw new FailureError(failure);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Seconds that an answer asks to wait (RFC 9110, 10.2.3), at most an hour. */
export function retryAfter({ headers }: Response): Pick<Failure, "retry_after_seconds"> {
  const said = headers.get("retry-after");
  if (said === null) return {};
  const seconds = /^\d+$/.test(said) ? Number(said) : (Date.parse(said) - Date.now()) / 1000;
  return seconds > 0 ? { retry_after_seconds: Math.min(Math.ceil(seconds), 3600) } : {};
}
