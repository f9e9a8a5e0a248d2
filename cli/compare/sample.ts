// Samples the objects of a pipeline by a seed, and reads their stored items and events from a running Weir.
import { createHash } from "node:crypto";
import type { z } from "@hono/zod-openapi";
import type * as versionAnswers from "../../src/http/read/version-answers.ts";
import type { Event } from "../../src/shapes/event.ts";
import { CliError } from "../io/output.ts";
import type { Client, Item as StoredItem } from "../operate/client.ts";
import type { ComparedItem } from "./items.ts";

export type ProducedObject = z.infer<typeof versionAnswers.producedObjectSchema>;

/** Number of objects, the first ones by key, that a sample is taken from. */
const MAX_OBJECTS = 20_000;

/** Takes a sample: the objects whose hash with the seed is smallest, so that a seed always gives the same objects. */
export function sampleOf<T extends Pick<ProducedObject, "object">>(
  all: readonly T[],
  count: number,
  seed: string,
): T[] {
  const rank = ({ object: { connection, bucket, key } }: T) =>
    createHash("sha256")
      .update(JSON.stringify([seed, connection, bucket, key]))
      .digest("hex");
  return all
    .map((object): [string, T] => [rank(object), object])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, count)
    .map(([, object]) => object);
}

/** Reads the objects that have items of a pipeline. */
export const objectsOf = (
  client: Client,
  alias: string,
  prefix: string | undefined,
): Promise<ProducedObject[]> => {
  const query = prefix === undefined ? "" : `?${new URLSearchParams({ prefix })}`;
  return client.list<ProducedObject>(
    `/v1/pipelines/${encodeURIComponent(alias)}/objects${query}`,
    MAX_OBJECTS,
  );
};

type WithValues = Omit<StoredItem, "vectors"> & {
  vectors: (StoredItem["vectors"][number] & { values?: number[] })[];
};

/** Reads the stored items of an object with their vectors, and the id of the first item. */
export async function storedOf(
  client: Client,
  collection: string,
  alias: string,
  { object: { bucket, key }, items }: ProducedObject,
): Promise<{ items: ComparedItem[]; first: string | undefined }> {
  const query = new URLSearchParams({ key, vectors: "true" });
  const path = `/v1/collections/${encodeURIComponent(collection)}/items?${query}`;
  // Other pipelines and buckets may have items of the same key here.
  const all = await client.list<WithValues>(path, 10 * items + 1_000);
  const own = all.filter((item) => item.pipeline === alias && item.object.bucket === bucket);
  const inOrder = own.sort((a, b) => a.position - b.position);
  return {
    first: inOrder[0]?.id,
    items: inOrder.map(({ data, vectors }) => ({
      data,
      vectors: vectors.map(({ path, model, span, values }) => ({
        ...{ path, model, span },
        values: new Float32Array(values ?? []),
      })),
    })),
  };
}

/**
 * Reads the event that an item came from, for the handler to get the same. Makes one as a replay does where it is
 * gone.
 */
export async function eventOf(
  client: Client,
  collection: string,
  { object: { connection, bucket, key } }: ProducedObject,
  first: string | undefined,
): Promise<Event> {
  try {
    const path = `/v1/collections/${encodeURIComponent(collection)}/items/${encodeURIComponent(first ?? "")}/lineage`;
    const { event } = await client.get<{ event: { id: string } }>(path);
    const { outcome: _, ...recorded } = await client.get<Event & { outcome: unknown }>(
      `/v1/events/${event.id}`,
    );
    return { ...recorded, identities: [] };
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 4) throw error;
    const time = new Date(0).toISOString();
    const what = { sender: "replay", type: "created", operation: "Compared" } as const;
    return {
      id: "evt_compared",
      connection,
      bucket,
      key,
      ...what,
      time,
      received_at: time,
      identities: [],
      hops: 0,
    };
  }
}
