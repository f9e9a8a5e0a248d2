// Real shards of an index in workerd (workerd/worker.ts), for tests: one call of the index for each request.
import { fileURLToPath } from "node:url";
import { createTestHarness } from "wrangler";
import type { SetKey, SetLineage } from "../../src/shapes/item.ts";
import type { SearchAnswer } from "../../src/shapes/search.ts";
import type { IndexShard } from "../../src/store/index/shard.ts";
import type { IndexCall } from "./workerd/call.ts";

const configPath = fileURLToPath(new URL("workerd/wrangler.json", import.meta.url));

export const LINEAGE: SetLineage = {
  event_id: "evt_1",
  run_id: "run_1",
  version: "v1",
  commit: "c1",
  etag: "e1",
  version_id: null,
  size: 10,
  event_time: "2026-11-23T10:00:00.000Z",
  stored_at: "2026-11-23T10:00:01.000Z",
};

export const objectSet = (key: string, alias = "p"): SetKey => ({ alias, connection: "c", bucket: "b", key });

/** An item of JSON, and vectors as lists of numbers. */
export const newItem = (data: object, ...vectors: object[]) => ({ data: JSON.stringify(data), vectors });

export const vector = (values: number[], more: object = {}) => ({
  ...{
    path: "embedding",
    values,
    model: "m",
    recipe: { definition: "d", pooling: "none", normalised: true },
  },
  ...more,
});

export const space = (dimensions: number, more: object = {}) => ({
  ...{ path: "embedding", model: "m", definition: "d", dimensions },
  ...more,
});

/** Starts the shards. */
export async function openShards() {
  const harness = createTestHarness({ workers: [{ configPath }] });
  await harness.listen();
  const post = async (body: IndexCall) => {
    const response = await harness.fetch("http://index.test/", {
      method: "POST",
      body: JSON.stringify(body),
    });
    return {
      status: response.status,
      body: (await response.json()) as { error?: string; failure?: unknown },
    };
  };
  /** The index of a collection; each call by its name. */
  const index = (collection: string, more: Pick<IndexCall, "shards" | "class"> = {}) => ({
    post: (call: IndexCall["call"], ...args: unknown[]) => post({ collection, ...more, call, args }),
    async call<T>(call: IndexCall["call"], ...args: unknown[]): Promise<T> {
      const { status, body } = await post({ collection, ...more, call, args });
      if (status !== 200) throw new Error(body.error);
      return body as T;
    },
    replace(key: string, items: object[], order = 1, more: object = {}): Promise<string> {
      return this.call("replace", { set: objectSet(key), order, lineage: LINEAGE, items, ...more });
    },
    query(query: object): Promise<SearchAnswer> {
      return this.call("query", { group: "item", limit: 20, ...query });
    },
  });
  const { SEARCH } = (await harness.getWorker("weir-search-test").getEnv()) as unknown as {
    SEARCH: { idFromName(name: string): unknown; get(id: unknown): IndexShard };
  };
  /** A shard itself. */
  const reach = (collection: string, shard: number) =>
    SEARCH.get(SEARCH.idFromName(`${collection}/${shard}`));
  /** Loses a shard: its object is gone, with all that it held. */
  const lose = async (collection: string, shard: number) => {
    const object = reach(collection, shard) as IndexShard & { vanish(): Promise<void> };
    // The call ends with the object.
    await object.vanish().catch(() => {});
  };
  return { index, reach, lose, close: () => harness.close() };
}
