// Restarts a child process of the stack whenever it ends by itself: the compute server, or wrangler with the Workers.
import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "../io/children.ts";

const MAX_QUICK_ENDS = 5;

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
): Child {
  let stopping = false;
  let child = initial;
  const ended = (async () => {
    for (let quickEnds = 0; ; ) {
      const began = Date.now();
      const reason = await child.ended;
      if (stopping) return "stopped";
      quickEnds = Date.now() - began < quickMs ? quickEnds + 1 : 0;
      if (quickEnds > MAX_QUICK_ENDS) return `${name} keeps ending: ${reason}`;
      onLine(`${name} ${reason}; starting it again`);
      await delay(200 * 2 ** quickEnds);
      if (stopping) return "stopped";
      child = await launch().catch(() => child);
    }
  })();
  const stop = async () => {
    stopping = true;
    await child.stop();
  };
  return { ended, stop };
}
