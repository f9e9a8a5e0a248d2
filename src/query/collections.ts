// Collections as people read them: a page of items, one item, its lineage. A collection is found by the pipelines that
// write it; their destinations say where it is kept.
import type { Pipelines, RegisteredPipeline } from "../dispatch/pipelines.ts";
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { FailureError } from "../shapes/failure.ts";
import type { SetKey, StoredItem, Vector } from "../shapes/item.ts";
import { type Collection, openCollection } from "../store/collections/open.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";

export interface OpenedCollection {
  collection: Collection;
  /** The sets that an object's key may have here: one per pipeline and bucket. */
  setsOf(key: string): SetKey[];
  /** The present version of each pipeline that writes here. */
  versions: Record<string, string>;
}

/** The pipelines that write a collection, at least one. @throws FailureError `not_found` where none does */
export function writersOf(name: string, pipelines: Pipelines): [RegisteredPipeline, ...RegisteredPipeline[]] {
  const [first, ...others] = pipelines.all.filter(({ config }) => config.destination.collection === name);
  if (first) return [first, ...others];
  const names = [...new Set(pipelines.all.map(({ config }) => config.destination.collection))];
  throw new FailureError({
    kind: "not_found",
    detail: `no pipeline writes a collection ${name.slice(0, 80)}`,
    expected: names.join(", ") || "a collection named by some pipeline's config.json",
  });
}

/** @throws FailureError `not_found` for a collection that no pipeline writes. */
export function openCollectionNamed(
  name: string,
  pipelines: Pipelines,
  connections: Connections,
  env: Env,
): OpenedCollection {
  const writers = writersOf(name, pipelines);
  const [first] = writers;
  return {
    collection: openCollection(first.config.destination, connections, env),
    versions: Object.fromEntries(writers.map(({ alias, version }) => [alias, version])),
    setsOf: (key) =>
      writers.flatMap(({ alias, config }) => {
        const connection = config.source.connection_id;
        const source = connections.connections[connection];
        const buckets = source && source.kind !== "d1" ? source.buckets : [];
        return buckets.map((bucket) => ({ alias, connection, bucket, key }));
      }),
  };
}

export interface ItemsQuery {
  limit: number;
  cursor?: string | undefined;
  key?: string | undefined;
  version?: string | undefined;
  commit?: string | undefined;
  /** Only items of another version than their pipeline's present one. */
  stale?: boolean;
  vectors: boolean;
  /** A filter over items, as JSON. */
  filter?: string | undefined;
  /** What to sort by: a name of an item, with `-` before it for the other direction. */
  sort?: string | undefined;
}

/** One page of a collection's items, narrowed to a key, a version, a commit, or to stale items. */
export async function listItems(name: string, open: OpenedCollection, query: ItemsQuery) {
  const { limit, cursor, key, version, commit, stale, vectors } = query;
  const list = `items ${[name, key, version, commit, stale].map((part) => part ?? "").join(" ")}`;
  const after = decodeCursor(list, cursor, 1)?.[0];
  const narrowed = version !== undefined || commit !== undefined || stale;
  const page = await open.collection.list({
    limit,
    ...(after !== undefined && { after: String(after) }),
    ...(key !== undefined && { sets: open.setsOf(key) }),
    ...(narrowed && { producer: { version, commit, not: stale ? open.versions : undefined } }),
  });
  const data = page.items.map((item) => describeItem(item, vectors));
  return page.next === undefined ? { data } : { data, next: encodeCursor(list, [page.next]) };
}

/** An item as JSON: what the handler returned, its vectors beside it (as numbers only when asked for). */
export function describeItem(item: StoredItem, withValues: boolean) {
  const { bucket, key } = item.set;
  return {
    id: item.id,
    object: { bucket, key },
    pipeline: item.set.alias,
    version: item.lineage.version,
    commit: item.lineage.commit,
    position: item.position,
    data: item.data,
    vectors: item.vectors.map((vector) => ({
      ...describeVector(vector),
      ...(withValues && { values: Array.from(vector.values) }),
    })),
  };
}

const describeVector = ({ path, model, span, values, recipe }: Vector) => ({
  path,
  dims: values.length,
  model: model ?? null,
  span: span ?? null,
  recipe: recipe ?? null,
});

/** Everything that led to an item: object version, event, run, code, models. */
export function describeLineage(item: StoredItem) {
  const { event_id, run_id, version, commit, etag, version_id, size, event_time, stored_at } = item.lineage;
  const { alias, connection, bucket, key } = item.set;
  return {
    item_id: item.id,
    object: { connection, bucket, key, etag, version_id, size },
    event: { id: event_id, time: event_time },
    run: { id: run_id, stored_at },
    pipeline: { alias, version, commit },
    vectors: item.vectors.map(describeVector),
  };
}
