// Takes up runs that the end of the local process cut off in their pipelines: nothing else would bring them again before
// their time is up. Never part of a deployed Weir, whose Workers do not all end at once.
import { queueName } from "../../src/shapes/bindings.ts";
import type { Report } from "../../src/shapes/run.ts";
import type { ShardNamespace } from "../../src/store/ledger/shard-calls.ts";
import { openShards } from "../../src/store/ledger/shards.ts";

export interface CutOffBindings {
  /** `scheduled` comes with the flag `service_binding_extra_handlers`, which the types do not know. */
  ROUTER: Fetcher & { scheduled(options: { cron: string }): Promise<{ outcome: string }> };
  LEDGER_SHARDS: object;
  /** Number of the ledger's shards, as text. */
  LEDGER_SHARD_COUNT: string;
}

/** Whether this process has taken them up already. */
let isDone = false;
const MAX_RUNS = 1000;

/**
 * Reports runs that the last process left running as failed and due at once. Those whose message `isQueued` are left out:
 * the queue delivers them again. Only a process's first call does anything.
 */
export async function takeUpCutOff(
  { ROUTER, LEDGER_SHARDS, LEDGER_SHARD_COUNT }: CutOffBindings,
  isQueued: (queue: string, runId: string) => Promise<boolean>,
): Promise<void> {
  if (isDone) return;
  isDone = true;
  const now = Date.now();
  const shards = openShards(LEDGER_SHARDS as ShardNamespace, Number(LEDGER_SHARD_COUNT));
  const running = await shards.runs({ status: "running", limit: MAX_RUNS });
  const reports: Report[] = [];
  for (const { id, alias, attempt, version, commit, started_at } of running) {
    if (await isQueued(queueName(alias), id)) continue;
    const failure = { kind: "unavailable", detail: "The local stack ended while it ran." } as const;
    reports.push({
      ...{ run_id: id, attempt, status: "failed", failure, due_at: now, ended_at: now },
      ...{ version: version ?? "", commit: commit ?? "", started_at: started_at ?? now },
    });
  }
  if (reports.length > 0) await shards.finish(reports, { now });
  await ROUTER.scheduled({ cron: "* * * * *" });
}
