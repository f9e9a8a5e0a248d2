// One pipeline as people look at it: what runs, under which config, what its versions have stored, what waits, what failed
// and what a run of it costs. All of it is counted already; its code is in the registry, where there is room for it.
import type { Pipelines, RegisteredPipeline } from "../dispatch/pipelines.ts";
import type { Env } from "../env.ts";
import { costOf, PAST_DAYS } from "../shapes/cost.ts";
import { listPaused } from "../store/ledger/pauses.ts";
import { openStores } from "../store/stores.ts";
import { iso } from "./ledger.ts";
import { openOf } from "./overview.ts";
import { listVersions } from "./versions.ts";

interface PipelineDeps {
  env: Env;
  connections: Parameters<typeof openStores>[0]["connections"];
  pipelines: Pipelines;
  now(): number;
}

const DAY_MS = 86_400_000;
const MAX_CAUSES = 10;

/** Answers `GET /v1/pipelines/{alias}`. */
export async function describePipeline(pipeline: RegisteredPipeline, deps: PipelineDeps) {
  const { env, pipelines, now } = deps;
  const { alias, version, config, problems } = pipeline;
  const stores = openStores(deps);
  const since = now() - PAST_DAYS * DAY_MS;
  const [counts, causes, handled, timed, pauses, versions] = await Promise.all([
    stores.shards.counts(),
    stores.shards.causes(alias),
    stores.shards.handled(alias, since),
    stores.shards.successes(alias, since),
    listPaused(env.ledger()),
    listVersions(stores, pipeline, { now: now(), prices: pipelines.prices }),
  ]);
  const paused = pauses.find((pause) => pause.alias === alias);
  const stale = versions.filter(({ deployed }) => !deployed);
  const sum = (of: (one: (typeof stale)[number]) => number) =>
    stale.reduce((total, one) => total + of(one), 0);
  return {
    ...{ alias, version, config, ...(problems && { problems: [...problems] }) },
    paused: paused ? { reason: paused.reason, at: new Date(paused.at).toISOString() } : null,
    source: pipelines.sourceOf(alias) ?? null,
    ...openOf(counts, alias),
    dead_letters: counts.letters.find((one) => one.alias === alias)?.letters ?? 0,
    causes: causes.slice(0, MAX_CAUSES).map(({ newest, ...cause }) => ({ ...cause, newest: iso(newest) })),
    versions,
    stale: { objects: sum(({ objects }) => objects), items: sum(({ items }) => items) },
    average: {
      ...{ runs: handled.runs, seconds: timed.ms === null ? null : timed.ms / 1000 },
      usd: handled.runs === 0 ? null : costOf(handled.sums, handled.runs, pipelines.prices) / handled.runs,
    },
  };
}
