// Takes up runs that the end of the local process cut off in their pipelines: nothing else would bring them again before
// their time is up. Never part of a deployed Weir, whose Workers do not all end at once.
import type { D1Database } from "@cloudflare/workers-types";

export interface CutOffBindings {
  /** `scheduled` comes with the flag `service_binding_extra_handlers`, which the types do not know. */
  ROUTER: Fetcher & { scheduled(options: { cron: string }): Promise<{ outcome: string }> };
  LEDGER: D1Database;
}

/** Whether this process has taken them up already. */
let isDone = false;

/** Makes runs that the last process left running due at once, and sweeps them up. Only a process's first call does. */
export async function takeUpCutOff({ ROUTER, LEDGER }: CutOffBindings): Promise<void> {
  if (isDone) return;
  isDone = true;
  // Runs that came by a queue are left out: the queue delivers them again.
  await LEDGER.prepare(
    "UPDATE runs SET due_at = 0 WHERE due_at > 0 AND status = 'running' AND queued_at IS NULL",
  ).run();
  await ROUTER.scheduled({ cron: "* * * * *" });
}
