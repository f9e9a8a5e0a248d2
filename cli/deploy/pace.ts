// Pace of calls to the Cloudflare API: at most 8 at once, fewer in five minutes than a token may make, and none while
// the API asks for a pause. wrangler's calls are made with the same token: a step of a deploy reserves what it will make.
import { setTimeout as delay } from "node:timers/promises";

/** Calls that a token may make in {@link WINDOW_MS} are 1,200; beyond that it is blocked for five minutes. */
const MAX_WINDOW_CALLS = 1_100;
const WINDOW_MS = 300_000;
const MAX_CALLS_AT_ONCE = 8;

export interface Pace {
  /** Makes a call in its turn. */
  call<T>(make: () => Promise<T>): Promise<T>;
  /** Waits until a number of calls that others will make have room, and counts them. */
  reserve(calls: number): Promise<void>;
  /** Lets no call begin for so long. */
  rest(ms: number): void;
}

/** `onWait` gets the whole seconds of a wait that a person would notice. */
export function paceOf(
  onWait: (seconds: number) => void = () => {},
  { now = Date.now, pause = (ms: number): Promise<unknown> => delay(ms) } = {},
): Pace {
  /** Calls begun in the last five minutes, oldest first. */
  const begun: { at: number; calls: number }[] = [];
  let restUntil = 0;
  let underWay = 0;
  const turns: (() => void)[] = [];
  /** Reservations are made one after another, so that the one that waits is not overtaken forever. */
  let last: Promise<void> = Promise.resolve();

  const waitMs = (calls: number): number => {
    while (begun[0] && begun[0].at <= now() - WINDOW_MS) begun.shift();
    let excess = begun.reduce((sum, entry) => sum + entry.calls, 0) + calls - MAX_WINDOW_CALLS;
    let until = restUntil;
    for (const entry of begun) {
      if (excess <= 0) break;
      excess -= entry.calls;
      until = Math.max(until, entry.at + WINDOW_MS);
    }
    return until - now();
  };
  const reserve = (calls: number): Promise<void> => {
    const turn = last.then(async () => {
      for (let ms = waitMs(calls); ms > 0; ms = waitMs(calls)) {
        if (ms >= 2_000) onWait(Math.ceil(ms / 1000));
        await pause(ms);
      }
      begun.push({ at: now(), calls });
    });
    last = turn.catch(() => {});
    return turn;
  };
  return {
    reserve,
    rest(ms) {
      restUntil = Math.max(restUntil, now() + ms);
    },
    async call(make) {
      if (underWay >= MAX_CALLS_AT_ONCE) await new Promise<void>((resolve) => turns.push(resolve));
      else underWay++;
      try {
        await reserve(1);
        return await make();
      } finally {
        const next = turns.shift();
        if (next) next();
        else underWay--;
      }
    },
  };
}
