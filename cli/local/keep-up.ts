// Restarts a child process of the stack whenever it ends by itself: the compute server, or wrangler with the Workers.
import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "../io/children.ts";

const MAX_QUICK_ENDS = 5;
/** End of a child that was stopped to be started again. */
export const RESTARTED = "was stopped";

export interface KeptUp extends Child {
  /** Ends the child, which is started again when `prepare` has resolved; this end is not counted. */
  restart(prepare?: () => Promise<void>): Promise<void>;
}

/**
 * Keeps a child running. `launch` starts it again, and is retried where it fails. A child that ends within `quickMs` of
 * its start counts as a failed start.
 *
 * `ended` resolves when the child is stopped, or after too many failed starts in a row.
 */
export function keepUp(
  { name, quickMs }: { name: string; quickMs: number },
  initial: Child,
  launch: () => Promise<Child>,
  onLine: (line: string) => void,
): KeptUp {
  let stopping = false;
  let restarting = false;
  /** What a restart waits for. */
  let prepared = Promise.resolve();
  let child = initial;
  const ended = (async () => {
    for (let quickEnds = 0; ; ) {
      const began = Date.now();
      const reason = await child.ended;
      if (stopping) return "stopped";
      quickEnds = !restarting && Date.now() - began < quickMs ? quickEnds + 1 : 0;
      if (quickEnds > MAX_QUICK_ENDS) return `${name} keeps ending: ${reason}`;
      onLine(`${name} ${restarting ? RESTARTED : reason}; starting it again`);
      restarting = false;
      await prepared;
      await delay(200 * 2 ** quickEnds);
      if (stopping) return "stopped";
      child = await launch().catch(() => child);
    }
  })();
  const stop = async () => {
    stopping = true;
    await child.stop();
  };
  const restart = async (prepare: () => Promise<void> = async () => {}) => {
    restarting = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    prepared = promise;
    try {
      await child.stop();
      await prepare();
    } finally {
      resolve();
    }
  };
  return { ended, stop, restart };
}
