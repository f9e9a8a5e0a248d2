// A child of the stack that is started again whenever it ends by itself: the compute server, and the Workers.
import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "../io/children.ts";

const MAX_QUICK_ENDS = 5;

/**
 * Keeps a child up. `launch` starts it again; while that fails, it is tried again. A child that ends within
 * `quickMs` of its start has not come up.
 *
 * `ended` resolves when it is stopped, or when it has ended too often at once to go on.
 */
export function keepUp(
  { name, quickMs }: { name: string; quickMs: number },
  first: Child,
  launch: () => Promise<Child>,
  onLine: (line: string) => void,
): Child {
  let stopping = false;
  let child = first;
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
