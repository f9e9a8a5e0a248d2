// What the end of the local process cuts off: a run that its pipeline was called for, which nothing brings again
// before its time is over. Never part of a deployed Weir, whose Workers do not all end at once.
import type { D1Database } from "@cloudflare/workers-types";

export interface CutOffBindings {
  /** `scheduled` comes with the flag `service_binding_extra_handlers`, which the types do not know. */
  ROUTER: Fetcher & { scheduled(options: { cron: string }): Promise<{ outcome: string }> };
  LEDGER: D1Database;
}

/** Whether somebody in this process has looked; it begins anew with each process. */
let looked = false;

/** For the first caller in a new process: runs that were called for in the last one are due at once, and swept up. */
export async function takeUpCutOff({ ROUTER, LEDGER }: CutOffBindings): Promise<void> {
  if (looked) return;
  looked = true;
  // Runs that came by a queue come again by it.
  await LEDGER.prepare(
    "UPDATE runs SET due_at = 0 WHERE due_at > 0 AND status = 'running' AND queued_at IS NULL",
  ).run();
  await ROUTER.scheduled({ cron: "* * * * *" });
}
