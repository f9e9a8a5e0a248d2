// What a replay's plan says, page by page: objects and bytes, a sample, which items would be replaced, and at its
// end how long the handlers will take, by how long they took before. Changes nothing.
import type { D1Database } from "@cloudflare/workers-types";
import type { Candidate, PipelinePlan, Plan } from "../shapes/replay.ts";
import { heldItems, PAST_RUNS, pastRuns } from "./estimates.ts";

const MAX_SAMPLE = 20;

interface Found {
  alias: string;
  candidate: Candidate;
}

/** The plan with one page more. A page is of one pipeline. */
export async function countPage(
  plan: Plan,
  page: { found: Found[]; passed_over: number },
  ledger: D1Database,
): Promise<Plan> {
  const { found } = page;
  const counted = found.reduce(count, { ...plan, passed_over: plan.passed_over + page.passed_over });
  const [first] = found;
  if (!first) return counted;
  const held = await heldItems(
    ledger,
    first.alias,
    found.map(({ candidate }) => candidate),
  );
  const of = pipelineOf(counted, first.alias);
  const replaces = { objects: of.replaces.objects + held.objects, items: of.replaces.items + held.items };
  return { ...counted, pipelines: { ...counted.pipelines, [first.alias]: { ...of, replaces } } };
}

function count(plan: Plan, { alias, candidate }: Found): Plan {
  const { bucket, key, size = 0, why } = candidate;
  const of = pipelineOf(plan, alias);
  // The items of an orphan go, without its handler.
  const handled = why === "orphaned" ? 0 : 1;
  const one = { ...of, objects: of.objects + 1, handled: of.handled + handled, bytes: of.bytes + size };
  return {
    ...plan,
    objects: plan.objects + 1,
    bytes: plan.bytes + size,
    by_why: { ...plan.by_why, [why]: (plan.by_why[why] ?? 0) + 1 },
    sample: plan.sample.length < MAX_SAMPLE ? [...plan.sample, { alias, bucket, key, why }] : plan.sample,
    pipelines: { ...plan.pipelines, [alias]: one },
  };
}

const pipelineOf = ({ pipelines }: Plan, alias: string): PipelinePlan =>
  pipelines[alias] ?? {
    ...{ objects: 0, handled: 0, bytes: 0, replaces: { objects: 0, items: 0 } },
    ...{ seconds: null, basis: "its objects are still being counted" },
  };

/** The complete plan, with what its runs are likely to take. */
export async function estimate(plan: Plan, ledger: D1Database): Promise<Plan> {
  const estimated = await Promise.all(
    Object.entries(plan.pipelines).map(async ([alias, of]): Promise<[string, PipelinePlan]> => {
      if (of.handled === 0) return [alias, { ...of, seconds: 0, basis: "no handler would run" }];
      const past = await pastRuns(ledger, alias);
      if (!past)
        return [alias, { ...of, seconds: null, basis: `none of its last ${PAST_RUNS} runs succeeded` }];
      const seconds = Number(((of.handled * past.ms) / 1000).toFixed(1));
      const mean = Number((past.ms / 1000).toPrecision(3));
      return [alias, { ...of, seconds, basis: `${mean} s each, the mean of ${past.runs} past runs` }];
    }),
  );
  return { ...plan, pipelines: Object.fromEntries(estimated) };
}

/** All pipelines together; `seconds` is null where it is of one of them. */
export function totals({ pipelines }: Plan) {
  const all = Object.values(pipelines);
  const sum = (of: (one: PipelinePlan) => number) => all.reduce((total, one) => total + of(one), 0);
  const isKnown = all.every(({ seconds }) => seconds !== null);
  return {
    replaces: { objects: sum((one) => one.replaces.objects), items: sum((one) => one.replaces.items) },
    seconds: isKnown ? Number(sum(({ seconds }) => seconds ?? 0).toFixed(1)) : null,
  };
}
