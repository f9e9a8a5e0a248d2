// The circuit breaker: a pipeline that fails without exception is paused, so that its events wait instead of
// dying one by one; a run is let through now and then, and the first success resumes it.
import { handOverAll, type RouteDeps } from "../routing/route.ts";
import { logInfo, logWarning } from "../shapes/log.ts";
import { resumeRecovered, takeProbes, tripBreaker } from "../store/ledger/breaker.ts";
import { PROBE_MS, resumePipeline } from "../store/ledger/pauses.ts";
import { eventsOf } from "../store/ledger/runs.ts";

/** Period that the breaker looks at, ms, and the dead runs within it, without a success, that trip it. */
const WINDOW_MS = 600_000;
const DEAD_RUNS = 20;

/** Resumes what works again, pauses what fails without exception, and sends the probes that are due. */
export async function checkBreaker(deps: RouteDeps): Promise<void> {
  const ledger = deps.env.ledger();
  const now = deps.now();
  for (const alias of await resumeRecovered(ledger)) {
    await resumePipeline(ledger, alias);
    logInfo("breaker.closed", { alias });
  }
  for (const { alias, reason } of await tripBreaker(
    ledger,
    now - WINDOW_MS,
    DEAD_RUNS,
    now,
    now + PROBE_MS,
  )) {
    logWarning("breaker.open", { alias, reason });
  }
  await handOverAll(await eventsOf(ledger, await takeProbes(ledger, now, now + PROBE_MS)), deps);
}
