// Opens the collection of a pipeline's destination, in D1 or in R2 by the connection's kind.
import type { Env } from "../../env.ts";
import type { PipelineConfig } from "../../shapes/config.ts";
import type { Connections } from "../../shapes/connection.ts";
import { FailureError } from "../../shapes/failure.ts";
import type { Collection } from "./contract.ts";
import { d1Collection } from "./d1.ts";
import { openHops } from "./hops.ts";
import { r2Collection } from "./r2.ts";

export type { Collection };

/** The collection that a pipeline's destination names: D1 rows, or objects in the R2 connection's first bucket. */
export function openCollection(
  { connection_id, collection }: PipelineConfig["destination"],
  connections: Connections,
  env: Env,
): Collection {
  const connection = connections.connections[connection_id];
  if (connection?.kind === "d1") return d1Collection(env.database(connection.database), collection);
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
