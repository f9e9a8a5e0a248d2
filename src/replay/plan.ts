// Builds a replay's plan, page by page: objects and bytes, a sample, the items that would be replaced, and at its end
// how long the handlers will take, by how long they took before. Changes nothing.
import { addEstimates, type CostEstimate, estimateCost, NO_COST, PAST_DAYS } from "../shapes/cost.ts";
import type { Prices } from "../shapes/prices.ts";
import type { Candidate, PipelinePlan, ReplayPlan } from "../shapes/replay.ts";
import type { EventStores } from "../store/stores.ts";
import { pastRuns, pastUse } from "./estimates.ts";

const MAX_SAMPLE = 20;

interface PlannedObject {
  alias: string;
  candidate: Candidate;
}

/** The plan with one more page of candidates, all of one pipeline. */
export async function countPage(
  plan: ReplayPlan,
  page: { found: PlannedObject[]; passed_over: number },
  { shards }: Pick<EventStores, "shards">,
): Promise<ReplayPlan> {
  const { found } = page;
  const counted = found.reduce(count, { ...plan, passed_over: plan.passed_over + page.passed_over });
  const [first] = found;
  if (!first) return counted;
  const held = await shards.held(
    first.alias,
    found.map(({ candidate: { connection, bucket, key } }) => ({ connection, bucket, key })),
  );
  const ofPipeline = pipelineOf(counted, first.alias);
  const replaces = {
    objects: ofPipeline.replaces.objects + held.objects,
    items: ofPipeline.replaces.items + held.items,
  };
  return { ...counted, pipelines: { ...counted.pipelines, [first.alias]: { ...ofPipeline, replaces } } };
}

function count(plan: ReplayPlan, { alias, candidate }: PlannedObject): ReplayPlan {
  const { bucket, key, size = 0, why } = candidate;
  const ofPipeline = pipelineOf(plan, alias);
  // The items of an orphan go, without its handler.
  const handled = why === "orphaned" ? 0 : 1;
  const pipeline = {
    ...ofPipeline,
    objects: ofPipeline.objects + 1,
    handled: ofPipeline.handled + handled,
    bytes: ofPipeline.bytes + size,
  };
  return {
    ...plan,
    objects: plan.objects + 1,
    bytes: plan.bytes + size,
    by_why: { ...plan.by_why, [why]: (plan.by_why[why] ?? 0) + 1 },
    sample: plan.sample.length < MAX_SAMPLE ? [...plan.sample, { alias, bucket, key, why }] : plan.sample,
    pipelines: { ...plan.pipelines, [alias]: pipeline },
  };
}

const pipelineOf = ({ pipelines }: ReplayPlan, alias: string): PipelinePlan =>
  pipelines[alias] ?? {
    ...{ objects: 0, handled: 0, bytes: 0, replaces: { objects: 0, items: 0 } },
    ...{ seconds: null, basis: "its objects are still being counted", cost: null },
  };

/** The complete plan, with what its runs are likely to take. */
export async function estimate(
  plan: ReplayPlan,
  stores: Pick<EventStores, "shards">,
  { now, prices }: { now: number; prices: Prices },
): Promise<ReplayPlan> {
  const estimated = await Promise.all(
    Object.entries(plan.pipelines).map(async ([alias, ofPipeline]): Promise<[string, PipelinePlan]> => {
      if (ofPipeline.handled === 0)
        return [alias, { ...ofPipeline, seconds: 0, basis: "no handler would run", cost: NO_COST }];
      const past = await pastRuns(stores, alias, now);
      const cost = estimateCost(await pastUse(stores, alias, now), ofPipeline.handled, prices);
      if (!past)
        return [
          alias,
          {
            ...ofPipeline,
            seconds: null,
            cost,
            basis: `none of its runs of the last ${PAST_DAYS} days succeeded`,
          },
        ];
      const seconds = Number(((ofPipeline.handled * past.ms) / 1000).toFixed(1));
      const mean = Number((past.ms / 1000).toPrecision(3));
      const basis = `${mean} s each, the mean of ${past.runs} past runs`;
      return [alias, { ...ofPipeline, seconds, basis, cost }];
    }),
  );
  return { ...plan, pipelines: Object.fromEntries(estimated) };
}

/** Sums over all pipelines; `seconds` and `cost` are null where they are null for any of them. */
export function totals({ pipelines }: ReplayPlan) {
  const all = Object.values(pipelines);
  const sum = (ofPipeline: (pipeline: PipelinePlan) => number) =>
    all.reduce((total, pipeline) => total + ofPipeline(pipeline), 0);
  const isKnown = all.every(({ seconds }) => seconds !== null);
  return {
    replaces: {
      objects: sum((pipeline) => pipeline.replaces.objects),
      items: sum((pipeline) => pipeline.replaces.items),
    },
    cost: all.reduce<CostEstimate | null>(
      // A plan of an older version has none.
      (total, { cost }) => (total && cost ? addEstimates(total, cost) : null),
      NO_COST,
    ),
    seconds: isKnown ? Number(sum(({ seconds }) => seconds ?? 0).toFixed(1)) : null,
  };
}
