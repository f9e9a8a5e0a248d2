// Picks the source of a connection, and holds every call to the connection's own buckets.
import type { Surroundings } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { FailureError } from "../shapes/failure.ts";
import type { Source } from "./contract.ts";
import { r2Source } from "./r2.ts";
import { s3Source } from "./s3.ts";

/** The source behind a connection id. Throws a `FailureError` for an unknown id or one that holds no objects. */
export function openSource(id: string, connections: Connections, env: Surroundings): Source {
  const connection = connections.connections[id];
  if (!connection || connection.kind === "d1") {
    const detail = connection
      ? `connection ${id} is a database: it holds no objects`
      : `there is no connection ${id}`;
    throw new FailureError({ kind: "not_found", detail, where: "connections.json" });
  }
  const source = connection.kind === "r2" ? r2Source(id, env) : s3Source(connection, env);
  const within = (bucket: string): Source => {
    if (connection.buckets.includes(bucket)) return source;
    throw new FailureError({
      kind: "forbidden",
      detail: `bucket ${bucket} is not one of connection ${id}`,
      expected: connection.buckets.join(", "),
      next: "add the bucket to connections.json, or use one of its buckets",
    });
  };
  return {
    observe: async (bucket, key) => within(bucket).observe(bucket, key),
    tags: async (bucket, key) => within(bucket).tags(bucket, key),
    url: async (bucket, key, expires) => within(bucket).url(bucket, key, expires),
  };
}
