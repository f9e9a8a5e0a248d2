// All stores that may hold something of an object, in the order in which an erasure goes through them: first what could
// write to others, then what names objects, at last what knows them by hashes of names that were found by then. A new
// store has to be listed here: test/erasure/holdings.test.ts counts the tables.
import type { PipelineRpc } from "../dispatch/dispatch.ts";
import { cancelInCollection } from "../routing/cancel-run.ts";
import type { RouteDeps } from "../routing/route.ts";
import type { PipelineConfig } from "../shapes/config.ts";
import { objectHex } from "../shapes/event-id.ts";
import { searchSettingsSchema } from "../shapes/search.ts";
import { erasableDatabase, erasableFolder } from "../store/collections/erase.ts";
import { openDatabases } from "../store/collections/open.ts";
import type { ErasableStore, ListObjects } from "../store/erasure/contract.ts";
import { type ErasureRecord, listFound } from "../store/erasure/record.ts";
import { erasableTables } from "../store/erasure/tables.ts";
import { erasableIndexShard } from "../store/index/erase.ts";
import { shardAt } from "../store/index/open.ts";
import { listDestinations } from "../store/ledger/deployments.ts";
import { erasableIdentities, erasableShards } from "../store/ledger/erase.ts";
import { erasableLog } from "../store/log/erase.ts";
import { erasableMoments } from "../store/moments.ts";
import { openStores } from "../store/stores.ts";

type Destination = PipelineConfig["destination"];

/** The stores that can be reached, and those that this Weir once had. */
export interface OpenedStores {
  stores: ErasableStore[];
  not_reached: string[];
}

/** Opens the stores for an erasure. */
export async function openErasable(erasure: ErasureRecord, deps: RouteDeps): Promise<OpenedStores> {
  const { env, connections, pipelines } = deps;
  const { ledger, shards } = openStores(deps);
  const list = listFound(ledger, erasure);
  const destinations = distinct([
    ...pipelines.all.map(({ config }) => config.destination),
    ...(await listDestinations(ledger)),
  ]);
  const { folders, not_reached } = openFolders(destinations, deps);
  const databases = Object.values(connections.connections).flatMap((connection) =>
    connection.kind === "d1"
      ? openDatabases(connection, env).map((db, at) =>
          erasableDatabase(databaseName(connection.database, at), db),
        )
      : [],
  );
  return {
    stores: [
      ...erasableShards(shards, (run) => cancelInCollection(run, deps)),
      ...databases,
      ...folders,
      erasableLog(env.archive()),
      ...(await openIndexes(destinations, deps)),
      erasableIdentities(shards, list),
      ...openResults(list, deps),
      erasableMoments(env.archive(), list),
      erasableTables(ledger, list, `erased:${erasure.hash}`),
    ],
    not_reached,
  };
}

const databaseName = (database: string, at: number) => (at === 0 ? database : `${database}-${at + 1}`);

const distinct = (all: Destination[]): Destination[] => [
  ...new Map(all.map((one) => [JSON.stringify([one.connection_id, one.collection]), one])).values(),
];

function openFolders(destinations: Destination[], { env, connections }: RouteDeps) {
  const folders: ErasableStore[] = [];
  const not_reached: string[] = [];
  for (const { connection_id, collection } of destinations) {
    const connection = connections.connections[connection_id];
    if (connection?.kind === "r2" && connection.buckets[0] !== undefined)
      folders.push(erasableFolder(env.bucket(connection.buckets[0]), collection));
    else if (!connection) not_reached.push(`collection ${collection} of connection ${connection_id}`);
  }
  return { folders, not_reached };
}

/** Every shard of every index, also those that sets are moving to. */
async function openIndexes(destinations: Destination[], { env }: RouteDeps): Promise<ErasableStore[]> {
  const searched = destinations.flatMap(({ collection, search }) => {
    const { enabled, shards } = searchSettingsSchema.parse(search ?? {});
    return enabled ? [{ collection, shards }] : [];
  });
  const byName = new Map(searched.map((one) => [one.collection, one]));
  const opened = [...byName.values()].map(async ({ collection, shards }) => {
    const { layout } = await shardAt(collection, 0, env).state();
    const count = Math.max(layout?.shards ?? shards, layout?.next ?? 0);
    return Array.from({ length: count }, (_, number) =>
      erasableIndexShard(`index ${collection}/${number}`, shardAt(collection, number, env)),
    );
  });
  return (await Promise.all(opened)).flat();
}

/** Objects of one page. */
const PAGE_OBJECTS = 50;

/** Kept embeddings, which any pipeline reaches. */
function openResults(list: ListObjects, { env, pipelines }: RouteDeps): ErasableStore[] {
  const [pipeline] = pipelines.all;
  if (!pipeline) return [];
  const results = env.pipeline<PipelineRpc>(pipeline.alias);
  return [
    {
      name: "kept embeddings",
      async erase({ at, dry, note }) {
        const { objects, next } = await list(at, PAGE_OBJECTS);
        if (objects.length === 0) return next;
        const counts = await results.eraseResults(objects, true);
        const units = objects.map((object, index) => ({
          ...{ table: "results", unit: objectHex(object), count: counts[index] ?? 0 },
        }));
        await note({ units: units.filter(({ count }) => count > 0) });
        if (!dry) await results.eraseResults(objects, false);
        return next;
      },
    },
  ];
}
