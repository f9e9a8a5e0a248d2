// Opens the index of a pipeline's destination: all shards of it behind the `SEARCH` binding. A collection that is not
// searched has an index that takes everything and holds nothing.
import type { Rpc } from "@cloudflare/workers-types";
import type { Env } from "../../env.ts";
import type { PipelineConfig } from "../../shapes/config.ts";
import type { Connections } from "../../shapes/connection.ts";
import { type SearchSettings, searchSettingsSchema } from "../../shapes/search.ts";
import { type Collection, openCollection } from "../collections/open.ts";
import { IndexClient } from "./client.ts";
import type { IndexShard } from "./shard.ts";

/** The index of a collection, or undefined where its destination says that it has none. */
export function openIndex(
  { collection, search }: PipelineConfig["destination"],
  env: Pick<Env, "durableObjects">,
): IndexClient | undefined {
  const settings = searchSettingsSchema.parse(search ?? {});
  if (!settings.enabled) return undefined;
  return new IndexClient((shard) => shardAt(collection, shard, env), settings);
}

/** A collection that is searched: itself, its index, and the index's shards. */
export interface SearchedCollection {
  name: string;
  settings: SearchSettings;
  collection: Collection;
  index: IndexClient;
  reach: (shard: number) => IndexShard;
}

/** Every collection that some pipeline writes and that is searched, once each. */
export function openSearched(
  pipelines: readonly { config: PipelineConfig }[],
  connections: Connections,
  env: Env,
): SearchedCollection[] {
  const destinations = new Map(
    pipelines.map(({ config: { destination } }) => [destination.collection, destination]),
  );
  return [...destinations.values()].flatMap((destination) => {
    const index = openIndex(destination, env);
    if (!index) return [];
    const name = destination.collection;
    return [
      {
        ...{ name, index },
        settings: searchSettingsSchema.parse(destination.search ?? {}),
        collection: openCollection(destination, connections, env),
        reach: (shard: number) => shardAt(name, shard, env),
      },
    ];
  });
}

/** One shard's object. It is named, so that whoever comes first creates it. */
export function shardAt(collection: string, shard: number, env: Pick<Env, "durableObjects">): IndexShard {
  const namespace = env.durableObjects<IndexShard & Rpc.DurableObjectBranded>("SEARCH");
  return namespace.get(namespace.idFromName(`${collection}/${shard}`)) as unknown as IndexShard;
}
