// The index through the real stack: what a run has stored is findable when the run has succeeded, and what it removed
// is not; what never reached the index is brought by the sweep.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeImage, makeVideo } from "../../cli/sample-media/media.ts";
import { IndexClient } from "../../src/store/index/client.ts";
import type { IndexShard } from "../../src/store/index/shard.ts";
import { startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
let folder: string;
let film: Uint8Array;
let photo: Uint8Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-search-"));
  const path = join(folder, "film.mp4");
  await makeVideo(path, { seconds: 25, width: 320, height: 180, fps: 12, gopSeconds: 2, seed: 25 });
  film = await readFile(path);
  photo = await makeImage({ format: "jpeg", width: 64, height: 48, seed: 1 });
  weir = await startWeir();
}, 400_000);
afterAll(async () => {
  await weir?.close();
  await rm(folder, { recursive: true, force: true });
});

interface Namespace {
  idFromName(name: string): unknown;
  get(id: unknown): IndexShard;
}

async function indexOf(collection: string): Promise<IndexClient> {
  const { SEARCH } = (await weir.harness.getWorker("weir-search").getEnv()) as unknown as {
    SEARCH: Namespace;
  };
  return new IndexClient((shard) => SEARCH.get(SEARCH.idFromName(`${collection}/${shard}`)), { shards: 1 });
}

const keysIn = async (collection: string, prefix: string) => {
  const index = await indexOf(collection);
  const { hits } = await index.query({
    group: "item",
    limit: 100,
    filter: { object: { key: [{ prefix }] } },
  });
  return hits.map(({ object, span }) => [object.key, span?.start ?? null]);
};

test("a film is found by its spans when its run has succeeded, and by none when it is deleted", {
  timeout: 120_000,
}, async () => {
  const object = await weir.put("test-media", "asked/film.mp4", film, { foo: "bar" });
  await weir.notifyR2(object);
  const [run] = await weir.settled("asked/film.mp4", 1);
  expect(run).toMatchObject({ status: "succeeded", items: 3 });
  expect(await keysIn("data_bucket", "asked/")).toEqual(
    [0, 10, 20].map((start) => ["asked/film.mp4", start]),
  );
  const index = await indexOf("data_bucket");
  const filter = {
    object: { metadata: { foo: ["bar"] }, extension: ["mp4"] },
  };
  const { hits } = await index.query({ group: "object", limit: 10, text: "film", filter });
  expect(hits.map(({ object }) => object.key)).toEqual(["asked/film.mp4"]);
  await weir.notifyR2(await weir.remove("test-media", "asked/film.mp4"));
  await weir.until(
    () => keysIn("data_bucket", "asked/"),
    (found) => found.length === 0,
  );
});

interface FrameHit {
  object: { key: string };
  span: { start: number };
  second: number;
  vector: { mean: number; frame: number };
  links: { thumbnail: string };
}

test("a moment within a span is found by its frame and named by its second, where the mean of the span hides it", {
  timeout: 120_000,
}, async () => {
  const keys = ["frames/a.mp4", "frames/b.mp4"] as const;
  for (const key of keys) await weir.notifyR2(await weir.put("test-media", key, film, { foo: "bar" }));
  for (const key of keys) await weir.settled(key, 1);
  const ask = async (question: object) => {
    const filter = { object: { key: [{ prefix: "frames/" }] } };
    const answer = await weir.post<{ hits: FrameHit[] }>("/v1/collections/data_bucket/search", {
      ...{ filter, explain: true },
      ...question,
    });
    return answer.hits;
  };
  // Scenes last five seconds, so the span from 10 to 20 has two, and its mean is like neither.
  const like = { like: { object: { key: keys[0] }, second: 17 } };
  const hit = (await ask(like)).find(({ object }) => object.key === keys[1]);
  if (!hit) throw new Error("the same film is not found");
  expect(hit.span.start).toBe(10);
  expect(hit.second).toBeGreaterThanOrEqual(15);
  expect(hit.second).toBeLessThan(20);
  expect(hit.vector.frame).toBeCloseTo(1, 3);
  expect(hit.vector.mean).toBeLessThan(hit.vector.frame - 0.02);
  // The same by a picture, which is decoded and embedded apart from any span.
  const [first, second, third] = await ask({ image: { url: hit.links.thumbnail } });
  for (const seen of [first, second]) {
    expect(seen).toMatchObject({ span: { start: 10 }, second: hit.second });
    expect(seen?.vector.frame).toBeGreaterThan((seen?.vector.mean ?? 1) + 0.02);
  }
  expect(third?.span.start).not.toBe(10);
  // The collection keeps frames, too: a rebuilding brings them again and computes nothing.
  const before = await ask(like);
  const index = await indexOf("data_bucket");
  for (const set of await index.numbers("", undefined)) await index.forget(set.set);
  await weir.post("/v1/collections/data_bucket/reindex", {});
  expect(await ask(like)).toEqual(before);
});

describe.each([
  ["D1", "data_bucket"],
  ["R2", "image_catalog"],
])("a collection in %s", (place, collection) => {
  const prefix = `${place}-lost/`;
  const shard = async () => {
    const { SEARCH } = (await weir.harness.getWorker("weir-search").getEnv()) as unknown as {
      SEARCH: Namespace;
    };
    return SEARCH.get(SEARCH.idFromName(`${collection}/0`));
  };
  const compared = () =>
    weir
      .read<{ differing: object }>(`/v1/collections/${collection}/index`)
      .then(({ differing }) => differing);

  test("what its index has lost, and what it has too much of, the sweep and a rebuilding make good", {
    timeout: 120_000,
  }, async () => {
    const key = place === "D1" ? `${prefix}film.mp4` : `${prefix}photo.jpg`;
    if (place === "D1") await weir.notifyR2(await weir.put("test-media", key, film, { foo: "bar" }));
    else await weir.deliver("conn_photos", weir.s3Records(await weir.put("test-photos", key, photo)));
    await weir.settled(key, 1);
    const before = await keysIn(collection, prefix);
    expect(before.length).toBeGreaterThan(0);
    const index = await shard();
    const lose = async () => {
      for (const { id } of await index.numbers("", undefined, undefined)) await index.forget(id);
    };
    await lose();
    expect(await keysIn(collection, prefix)).toEqual([]);
    expect(await compared()).toMatchObject({ stale: 0, extra: 0 });
    await weir.ringCron();
    expect(await keysIn(collection, prefix)).toEqual(before);
    await lose();
    const { brought, index: state } = await weir.post<{ brought: number; index: { building: unknown } }>(
      `/v1/collections/${collection}/reindex`,
      {},
    );
    expect(brought).toBeGreaterThan(0);
    expect(state.building).toBeNull();
    expect(await keysIn(collection, prefix)).toEqual(before);
    expect(await compared()).toEqual({ missing: 0, stale: 0, extra: 0 });
    // What a monitor sees of it; a collection in R2 cannot say.
    const metrics = await (await weir.api("/metrics")).text();
    expect(metrics.includes(`weir_index_lag_seconds{collection="${collection}"} 0\n`)).toBe(place === "D1");
  });
});
