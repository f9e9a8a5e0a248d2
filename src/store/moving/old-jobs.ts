// Jobs of the release before that are still in queues, and what their pipelines report of them: under their old ids.
import type { D1Database } from "@cloudflare/workers-types";
import type { Report } from "../../shapes/run.ts";
import type { DeadJob } from "../ledger/contract.ts";
import type { Shards } from "../ledger/shards.ts";
import { currentIds, mayBePlaced } from "./old-ids.ts";

/** Gives reports to the shards of their runs. Returns those of runs that no shard knows: the router can place old ids. */
export async function finishPlaced(
  shards: Pick<Shards, "finish">,
  reports: Report[],
  now: number,
): Promise<Report[]> {
  const placed = reports.filter(({ run_id }) => mayBePlaced(run_id, now));
  const unknown = new Set(placed.length > 0 ? await shards.finish(placed, { now }) : []);
  return reports.filter(({ run_id }) => !mayBePlaced(run_id, now) || unknown.has(run_id));
}

/** Reports of runs by the ids that these have now. */
export async function renameReports(db: D1Database, reports: Report[]): Promise<Report[]> {
  const ids = await currentIds(
    db,
    reports.map(({ run_id }) => run_id),
  );
  return reports.map((report, at) => ({ ...report, run_id: ids[at] ?? report.run_id }));
}

/** Dead jobs by the ids that their runs have now. */
export async function renameJobs(db: D1Database, dead: DeadJob[]): Promise<DeadJob[]> {
  const ids = await currentIds(
    db,
    dead.map(({ job }) => job.run_id),
  );
  return dead.map((one, at) => ({ ...one, job: { ...one.job, run_id: ids[at] ?? one.job.run_id } }));
}
