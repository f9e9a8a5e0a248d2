// Stale items after a deploy: items that a version other than the deployed one made. Waits until Weir serves the new
// versions, counts, and starts the replay. A count that fails is reported; the deploy itself is done.
import { setTimeout as pause } from "node:timers/promises";
import { addEstimates, type CostEstimate, NO_COST } from "../../src/shapes/cost.ts";
import { CliError } from "../io/output.ts";
import type { Client, Replay, Version } from "../operate/client.ts";
import { costText, countText } from "../operate/replay-text.ts";

/** Stale objects and items of a pipeline. */
export interface StalePipeline {
  alias: string;
  version: string;
  objects: number;
  items: number;
  /** What replaying the objects is likely to cost; null where that is unknown. */
  cost: CostEstimate | null;
}

export type StaleReport =
  | { asked: true; pipelines: StalePipeline[] }
  /** `why`: the reason that Weir could not be asked. */
  | { asked: false; why: string };

/** A new router serves everywhere within seconds; after this span something is wrong. */
const SERVE_TIMEOUT_MS = 30_000;
const ANSWER_TIMEOUT_MS = 10_000;
const POLL_MS = 500;

/**
 * Counts stale items, after waiting until Weir serves these versions (alias → version). Pipelines without stale items
 * are left out.
 */
export async function staleItems(
  client: Client,
  versions: ReadonlyMap<string, string>,
  within = SERVE_TIMEOUT_MS,
): Promise<StaleReport> {
  try {
    const late = await unservedAliases(client, versions, within);
    if (late.length > 0)
      return { asked: false, why: `Weir does not serve the new version of ${late.join(", ")} yet.` };
    const all = await Promise.all([...versions].map(([alias, version]) => staleOf(client, alias, version)));
    return { asked: true, pipelines: all.filter(({ objects }) => objects > 0) };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { asked: false, why: error.message };
  }
}

/** Counts stale items of a pipeline by the given version, since a router may not know the deployed one yet. */
export async function staleOf(client: Client, alias: string, version: string): Promise<StalePipeline> {
  const path = `/v1/pipelines/${encodeURIComponent(alias)}/versions`;
  const { data } = await withTimeout(client.get<{ data: Version[] }>(path));
  const others = data.filter((entry) => entry.version !== version);
  const sum = (field: "objects" | "items") => others.reduce((all, entry) => all + entry[field], 0);
  const cost = others.reduce<CostEstimate | null>(
    // A router of before says nothing of it.
    (total, { replay_cost = null }: Partial<Version>) =>
      total && replay_cost && addEstimates(total, replay_cost),
    NO_COST,
  );
  return { alias, version, objects: sum("objects"), items: sum("items"), cost };
}

async function unservedAliases(
  client: Client,
  versions: ReadonlyMap<string, string>,
  within: number,
): Promise<string[]> {
  for (const until = Date.now() + within; ; await pause(POLL_MS)) {
    const { data } = await withTimeout(
      client.get<{ data: { alias: string; version: string }[] }>("/v1/pipelines"),
    );
    const served = new Map(data.map(({ alias, version }) => [alias, version]));
    const late = [...versions].filter(([alias, version]) => served.get(alias) !== version);
    if (late.length === 0 || Date.now() > until) return late.map(([alias]) => alias);
  }
}

function withTimeout<T>(answer: Promise<T>): Promise<T> {
  const late = pause(ANSWER_TIMEOUT_MS, undefined, { ref: false }).then(() => {
    throw new CliError(`Weir did not answer within ${ANSWER_TIMEOUT_MS / 1000} s.`);
  });
  return Promise.race([answer, late]);
}

/** Command that replays the stale items of these pipelines. */
export const replayCommand = (aliases: string[], url?: string) =>
  [
    "weir replay create --select stale --alias",
    ...aliases,
    ...(url === undefined ? [] : ["--url", url]),
  ].join(" ");

/** Text about stale items, a line for each pipeline. */
export function staleText(stale: StaleReport): string[] {
  if (!stale.asked) return [`It is unknown which items are stale: ${stale.why}`];
  if (stale.pipelines.length === 0) return ["No item is stale: the deployed versions made all of them."];
  return stale.pipelines.map(
    ({ alias, objects, items, cost }) =>
      `${alias}: ${countText(objects, "object")} stale, with ${countText(items, "item")} that other versions made; cost of a replay: ${costText(cost)}`,
  );
}

/** Starts the replay of the stale items of these pipelines. */
export const replayStale = (client: Client, aliases: string[]) =>
  client.post<Replay>("/v1/replays", { select: { kind: "stale" }, aliases });
