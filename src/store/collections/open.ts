// Opens the collection of a pipeline's destination, by its connection: in one D1 database, in several, or in R2.
import type { D1Database } from "@cloudflare/workers-types";
import type { Env } from "../../env.ts";
import { databaseNames } from "../../shapes/bindings.ts";
import type { PipelineConfig } from "../../shapes/config.ts";
import type { Connection, Connections } from "../../shapes/connection.ts";
import { FailureError } from "../../shapes/failure.ts";
import type { Collection } from "./contract.ts";
import { d1Collection } from "./d1.ts";
import { openHops } from "./hops.ts";
import { r2Collection } from "./r2.ts";
import { shardedCollection } from "./sharded.ts";

export type { Collection };

/** Databases of a D1 connection, in order of their numbers. */
export function openDatabases(
  connection: Extract<Connection, { kind: "d1" }>,
  env: Pick<Env, "database">,
): D1Database[] {
  return databaseNames(connection).map((name) => env.database(name));
}

/** The collection that a pipeline's destination names: D1 rows, or objects in the R2 connection's first bucket. */
export function openCollection(
  { connection_id, collection }: PipelineConfig["destination"],
  connections: Connections,
  env: Env,
): Collection {
  const connection = connections.connections[connection_id];
  if (connection?.kind === "d1") {
    const databases = openDatabases(connection, env);
    if (databases.length > 1) return shardedCollection(databases, collection);
    return d1Collection(env.database(connection.database), collection);
  }
  const bucket = connection?.kind === "r2" ? connection.buckets[0] : undefined;
  if (bucket !== undefined) {
    const place = (key: string) => ({ bucket, key });
    const metadata = (key: string, hops: number | undefined) => openHops(env).written(place(key), hops);
    return r2Collection(env.bucket(bucket), collection, metadata);
  }
  throw new FailureError({
    kind: "not_found",
    detail: `connection ${connection_id} cannot hold a collection`,
    where: "connections.json",
    expected: "a connection of kind d1 or r2",
  });
}
