// Objects that a pipeline keeps items of, with the version and commit that produced them: all, those of one version or
// commit, or the stale ones, by key. Read from the ledger's shards, without a look at the collection.
import { cutPage } from "../store/page.ts";
import type { EventStores } from "../store/stores.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import type { ListQuery } from "./ledger.ts";

export interface ProducedQuery extends ListQuery {
  prefix?: string | undefined;
  version?: string | undefined;
  commit?: string | undefined;
  stale?: boolean;
}

/** One page. An object is stale when another version than the deployed one made its items. */
export async function listObjects(
  { shards }: Pick<EventStores, "shards">,
  pipeline: { alias: string; version: string },
  { limit, cursor, stale, ...query }: ProducedQuery,
) {
  const list = `objects ${pipeline.alias}`;
  const from = decodeCursor(list, cursor, 3);
  const tracked = await shards.tracked({
    alias: pipeline.alias,
    ...query,
    not_version: stale ? pipeline.version : undefined,
    after: from && [String(from[0]), String(from[1]), String(from[2])],
    limit: limit + 1,
  });
  const { rows, last } = cutPage(tracked, limit);
  const data = rows.map(
    ({ connection, bucket, key, etag, size, items, version, commit, models, stored_at }) => ({
      object: { connection, bucket, key, etag, size },
      ...{ items: items ?? 0, version, commit, models },
      stale: version !== pipeline.version,
      stored_at: stored_at === null ? null : new Date(stored_at).toISOString(),
    }),
  );
  if (!last) return { data };
  return { data, next: encodeCursor(list, [last.bucket, last.key, last.connection]) };
}
