// Opens the source of a connection, and refuses every bucket that is not the connection's own.
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { FailureError, notFound } from "../shapes/failure.ts";
import type { Source } from "./contract.ts";
import { r2Source } from "./r2.ts";
import { s3Source } from "./s3.ts";

/**
 * The source behind a connection id. It is opened when it is first asked, so that one connection's missing
 * secret is no other's; every method then throws a `FailureError` for an unknown id, one that holds no
 * objects, or a bucket that is not the connection's.
 */
export function openSource(id: string, connections: Connections, env: Env): Source {
  let opened: Source | undefined;
  const within = (bucket: string): Source => {
    const connection = Object.hasOwn(connections.connections, id) ? connections.connections[id] : undefined;
    if (!connection || connection.kind === "d1") {
      const where = "connections.json";
      if (!connection) throw notFound(`connection ${id}`, { where });
      const detail = `connection ${id} is a database: it holds no objects`;
      throw new FailureError({ kind: "not_found", detail, where });
    }
    if (!connection.buckets.includes(bucket)) {
      throw new FailureError({
        kind: "forbidden",
        detail: `bucket ${bucket} is not one of connection ${id}`,
        expected: connection.buckets.join(", "),
        next: "add the bucket to connections.json, or use one of its buckets",
      });
    }
    opened ??= connection.kind === "r2" ? r2Source(id, env) : s3Source(connection, env);
    return opened;
  };
  return {
    observe: async (bucket, key) => within(bucket).observe(bucket, key),
    tags: async (bucket, key) => within(bucket).tags(bucket, key),
    archivedIn: async (bucket, key) => within(bucket).archivedIn(bucket, key),
    url: async (bucket, key, expires) => within(bucket).url(bucket, key, expires),
    list: async (bucket, query) => within(bucket).list(bucket, query),
  };
}
