// Watchdog of the local stack: all Workers share one thread, so a handler that never ends stops everything. Where
// nothing answers for long while an attempt is going, it names the pipeline and has the Workers started again.
import { setTimeout as delay } from "node:timers/promises";
import { bad } from "../io/output.ts";
import type { Narrator } from "./narrate.ts";

export interface WatchdogOptions {
  url: string;
  narrator: Pick<Narrator, "going" | "reloading">;
  /** Ends the Workers' processes and starts them again. */
  restart(): Promise<void>;
  /** Time without an answer after which the Workers count as stuck, ms; 0: never. */
  stuckMs: number;
}

/** Probes until the Workers count as stuck: a machine that slept, or a process that did not, fails one at most. */
const PROBES = 5;

/** Watches until the returned function is called. */
export function startWatchdog({ url, narrator, restart, stuckMs }: WatchdogOptions): () => void {
  let watching = stuckMs > 0;
  const probeMs = stuckMs / PROBES;
  const watch = async () => {
    for (let late = 0; watching; ) {
      const answer = await probe(url, probeMs);
      late = answer === "late" && !narrator.reloading() ? late + 1 : 0;
      const [latest, ...others] = narrator.going();
      if (watching && late >= PROBES && latest) {
        const more = others.length === 0 ? "" : ` Attempts of ${aliasesOf(others)} are going, too.`;
        bad(
          `Nothing answers for ${stuckMs / 1000} s. The handler of ${latest.alias} began ${latest.object} and may never end.${more}`,
        );
        bad(`The Workers are started again, and the attempt counts as failed (${latest.run_id}).`);
        late = 0;
        await restart();
      }
      if (answer !== "late") await delay(probeMs, undefined, { ref: false });
    }
  };
  void watch();
  return () => {
    watching = false;
  };
}

const aliasesOf = (attempts: { alias: string }[]) =>
  [...new Set(attempts.map(({ alias }) => alias))].join(", ");

/** Asks for the Workers' health. Anything but no answer at all is for others to judge. */
async function probe(url: string, limitMs: number): Promise<"answered" | "away" | "late"> {
  try {
    await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(limitMs) });
    return "answered";
  } catch (error) {
    return error instanceof DOMException && error.name === "TimeoutError" ? "late" : "away";
  }
}
