// Cancels a run. Its collection is marked first, since that is all of Weir that a pipeline Worker sees: from then on the
// run cannot begin, and nothing that it has begun can be stored. Then its shard of the ledger is.

import { getRun } from "../query/ledger.ts";
import { FailureError, notFound } from "../shapes/failure.ts";
import type { FenceRequest } from "../store/collections/contract.ts";
import { openCollection } from "../store/collections/open.ts";
import { oldRunId } from "../store/moving/old-ids.ts";
import { openStores } from "../store/stores.ts";
import type { RouterDeps } from "./deps.ts";
import type { RouteDeps } from "./route.ts";

type RunWithHistory = NonNullable<Awaited<ReturnType<typeof getRun>>>;

/**
 * Cancels a run; again is no change. A handler that is running hears of it within seconds, by its `signal`.
 *
 * @throws FailureError `not_found`, or `conflict` where the run has ended otherwise
 */
export async function cancelRun(id: string, reason: string, deps: RouterDeps): Promise<RunWithHistory> {
  const run = await runById(id, deps);
  if (run.status === "cancelled") return run;
  if (["succeeded", "skipped", "dead"].includes(run.status)) throw hasEnded(run);
  await cancelInCollection({ ...run.object, alias: run.alias, run_id: run.id }, deps);
  const ended = await openStores(deps).shards.cancel([run.id], reason, deps.now());
  const after = await runById(id, deps);
  if (ended === 0 && after.status !== "cancelled") throw hasEnded(after);
  return after;
}

/** Marks a run in its collection: it may begin no more, and what it has begun is not stored. */
export async function cancelInCollection(run: Required<FenceRequest>, deps: RouteDeps): Promise<void> {
  const destination = deps.pipelines.get(run.alias)?.config.destination;
  if (!destination) return;
  const { alias, connection, bucket, key } = run;
  const collection = openCollection(destination, deps.connections, deps.env);
  const old = await oldRunId(deps.env.ledger(), run.run_id);
  for (const run_id of old === undefined ? [run.run_id] : [run.run_id, old])
    await collection.cancel({ alias, connection, bucket, key, run_id });
}

async function runById(id: string, deps: RouterDeps): Promise<RunWithHistory> {
  const run = await getRun(openStores(deps), id);
  if (run) return run;
  throw notFound(`run ${id.slice(0, 120)}`);
}

function hasEnded({ id, status }: RunWithHistory): FailureError {
  const next = `drop its dead letter: \`weir dead-letters drop --run ${id} --reason …\``;
  return new FailureError({
    kind: "conflict",
    detail: `the run has ended already: ${status}`,
    where: id,
    expected: "a run that is pending, queued, running or failed",
    ...(status === "dead" && { next }),
  });
}
