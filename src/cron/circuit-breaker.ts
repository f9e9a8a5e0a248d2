// The circuit breaker: a pipeline that fails without exception is paused, so that its events wait instead of
// dying one by one; a run is let through now and then, and the first success resumes it. It asks the shards only about
// pipelines that have had many deaths, or that it has paused.
import { dispatchRuns, type RouteDeps } from "../routing/route.ts";
import { logInfo, logWarning } from "../shapes/log.ts";
import { listBreakerPauses, setNextProbe, tripBreaker } from "../store/ledger/breaker.ts";
import { forgetDeaths, listFailing } from "../store/ledger/deaths.ts";
import { endPause, PROBE_MS } from "../store/ledger/pauses.ts";
import { openStores } from "../store/stores.ts";

/** Period that the breaker looks at, ms, and the dead runs within it, without a success, that trip it. */
const WINDOW_MS = 600_000;
const DEAD_RUNS = 20;

/** Resumes what works again, pauses what fails without exception, and sends the probes that are due. */
export async function checkBreaker(deps: RouteDeps): Promise<void> {
  const { ledger, shards } = openStores(deps);
  const now = deps.now();
  for (const { alias, at, probe_at } of await listBreakerPauses(ledger)) {
    if ((await shards.successes(alias, at)).runs > 0) {
      await endPause(ledger, alias);
      await shards.release(alias, now);
      logInfo("breaker.closed", { alias });
    } else if (probe_at <= now) {
      await setNextProbe(ledger, alias, now + PROBE_MS);
      await dispatchRuns(await shards.release(alias, now, 1), deps);
    }
  }
  for (const { alias, deaths, detail } of await listFailing(ledger, now - WINDOW_MS, DEAD_RUNS)) {
    if ((await shards.successes(alias, now - WINDOW_MS)).runs > 0) continue;
    const reason = `circuit breaker: ${deaths} runs ended dead and none succeeded; the newest: ${detail}`;
    await tripBreaker(ledger, { alias, reason, at: now, probe_at: now + PROBE_MS });
    logWarning("breaker.open", { alias, reason });
  }
  await forgetDeaths(ledger, now);
}
