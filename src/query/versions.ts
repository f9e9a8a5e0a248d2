// Versions of a pipeline: its config as it was deployed, and how many objects and items each version has produced, as the
// ledger's shards count them.
import type { PipelineConfig } from "../shapes/config.ts";
import { estimateCost, NO_COST, PAST_DAYS } from "../shapes/cost.ts";
import type { Prices } from "../shapes/prices.ts";
import { listConfigs } from "../store/ledger/deployments.ts";
import type { EventStores } from "../store/stores.ts";

const DAY_MS = 86_400_000;

/**
 * Newest first. The deployed version is always among them; it goes on record with the first event that it decides,
 * and has no `first_seen` until then. A version that has items and no record is one whose Worker was deployed just
 * before the router.
 */
export async function listVersions(
  { ledger, shards }: Pick<EventStores, "ledger" | "shards">,
  { alias, version, config }: { alias: string; version: string; config: PipelineConfig },
  { now, prices }: { now: number; prices: Prices },
) {
  const [configs, counts, past] = await Promise.all([
    listConfigs(ledger, alias),
    shards.produced(alias),
    shards.handled(alias, now - PAST_DAYS * DAY_MS),
  ]);
  const onRecord = new Map(configs.map((row) => [row.version, row]));
  const produced = Map.groupBy(counts, (count) => count.version);
  const names = [...new Set([version, ...produced.keys(), ...onRecord.keys()])];
  const versions = names.map((name) => {
    const deployed = name === version;
    const row = onRecord.get(name);
    const parts = (produced.get(name) ?? []).filter(({ objects }) => objects > 0);
    const sum = (of: (part: (typeof parts)[number]) => number) =>
      parts.reduce((total, part) => total + of(part), 0);
    const objects = sum((part) => part.objects);
    return {
      version: name,
      deployed,
      first_seen: row ? new Date(row.first_seen).toISOString() : null,
      config: row?.config ?? (deployed ? config : null),
      objects,
      items: sum(({ items }) => items),
      commits: parts.flatMap(({ commit }) => (commit === null ? [] : [commit])),
      replay_cost: objects === 0 ? NO_COST : estimateCost(past, objects, prices),
    };
  });
  return versions.sort(byAge);
}

/** Those without a record first, then the newest; else by name. */
function byAge(a: VersionName, b: VersionName): number {
  const [ofA, ofB] = [a, b].map(({ first_seen }) => first_seen ?? "~");
  if (ofA !== ofB) return (ofA ?? "") < (ofB ?? "") ? 1 : -1;
  return a.version < b.version ? -1 : 1;
}

interface VersionName {
  version: string;
  first_seen: string | null;
}
