// Builds a replay's plan, page by page: objects and bytes, a sample, the items that would be replaced, and at its end
// how long the handlers will take, by how long they took before. Changes nothing.
import type { Candidate, PipelinePlan, ReplayPlan } from "../shapes/replay.ts";
import type { EventStores } from "../store/stores.ts";
import { PAST_DAYS, pastRuns } from "./estimates.ts";

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
    ...{ seconds: null, basis: "its objects are still being counted" },
  };

/** The complete plan, with what its runs are likely to take. */
export async function estimate(
  plan: ReplayPlan,
  stores: Pick<EventStores, "shards">,
  now: number,
): Promise<ReplayPlan> {
  const estimated = await Promise.all(
    Object.entries(plan.pipelines).map(async ([alias, ofPipeline]): Promise<[string, PipelinePlan]> => {
      if (ofPipeline.handled === 0)
        return [alias, { ...ofPipeline, seconds: 0, basis: "no handler would run" }];
      const past = await pastRuns(stores, alias, now);
      if (!past)
        return [
          alias,
          { ...ofPipeline, seconds: null, basis: `none of its runs of the last ${PAST_DAYS} days succeeded` },
        ];
      const seconds = Number(((ofPipeline.handled * past.ms) / 1000).toFixed(1));
      const mean = Number((past.ms / 1000).toPrecision(3));
      return [alias, { ...ofPipeline, seconds, basis: `${mean} s each, the mean of ${past.runs} past runs` }];
    }),
  );
  return { ...plan, pipelines: Object.fromEntries(estimated) };
}

/** Sums over all pipelines; `seconds` is null where it is null for any of them. */
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
    seconds: isKnown ? Number(sum(({ seconds }) => seconds ?? 0).toFixed(1)) : null,
  };
}
