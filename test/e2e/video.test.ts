// The main job, on real video: from a file's change in the bucket to items that agree with it.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeImage, makeVideo } from "../../cli/sample-media/media.ts";
import { startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
let folder: string;
const films: Record<string, Uint8Array> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-e2e-"));
  for (const [name, seconds] of [
    ["long", 25],
    ["short", 12],
  ] as const) {
    const path = join(folder, `${name}.mp4`);
    await makeVideo(path, { seconds, width: 320, height: 180, fps: 12, gopSeconds: 2, seed: seconds });
    films[name] = await readFile(path);
  }
  weir = await startWeir();
}, 120_000);
afterAll(async () => {
  await weir?.close();
  await rm(folder, { recursive: true, force: true });
});

const film = (name: string) => films[name] as Uint8Array;
const spans = (items: { data: Record<string, unknown> }[]) => items.map(({ data }) => [data.start, data.end]);

describe("a video in the bucket", () => {
  test("a new video becomes one item per span, the last one short, each with its vector and lineage", async () => {
    const object = await weir.put("test-media", "new/film.mp4", film("long"), { foo: "bar" });
    await weir.notifyR2(object);
    const [run] = await weir.settled("new/film.mp4", 1);
    expect(run).toMatchObject({ alias: "video-processor", status: "succeeded", attempt: 1, items: 3 });
    const items = await weir.items("data_bucket", "new/film.mp4", "&vectors=true");
    expect(spans(items)).toEqual([
      [0, 10],
      [10, 20],
      [20, 25],
    ]);
    for (const item of items) {
      const [vector] = item.vectors;
      expect(vector).toMatchObject({
        path: "embedding",
        dims: 512,
        model: "weir/hog-512",
        span: { start: item.data.start, end: item.data.end },
      });
      expect(Math.hypot(...(vector?.values ?? []))).toBeCloseTo(1, 4);
    }
    const lineage = await weir.read(`/v1/collections/data_bucket/items/${items[0]?.id}/lineage`);
    expect(lineage).toMatchObject({
      item_id: items[0]?.id,
      object: {
        connection: "conn_media",
        bucket: "test-media",
        key: "new/film.mp4",
        etag: object.eTag,
        size: object.size,
      },
      event: { id: run?.event_id },
      run: { id: run?.id },
      pipeline: {
        alias: "video-processor",
        commit: "test-commit",
        version: expect.stringMatching(/^[0-9a-f]{16}$/),
      },
      vectors: [{ path: "embedding", model: "weir/hog-512", span: { start: 0, end: 10 } }],
    });
  });

  test("overwritten by a shorter one, no span of the old one stays", async () => {
    await weir.notifyR2(await weir.put("test-media", "over/film.mp4", film("long"), { foo: "bar" }));
    await weir.settled("over/film.mp4", 1);
    expect(await weir.items("data_bucket", "over/film.mp4")).toHaveLength(3);
    const second = await weir.put("test-media", "over/film.mp4", film("short"), { foo: "bar" });
    await weir.notifyR2(second);
    const items = await weir.until(
      () => weir.items("data_bucket", "over/film.mp4"),
      (found) => found.length === 2,
    );
    expect(spans(items)).toEqual([
      [0, 10],
      [10, 12],
    ]);
  });

  test("whose metadata is not what the filter asks for runs nothing, and the reason is on record", async () => {
    await weir.notifyR2(await weir.put("test-media", "other/film.mp4", film("short"), { foo: "baz" }));
    const { data } = await weir.until(
      () => weir.read<{ data: { id: string; outcome: unknown }[] }>("/v1/events?key=other%2Ffilm.mp4"),
      (page) => page.data.length === 1,
    );
    expect(data[0]?.outcome).toMatchObject({ matched: [] });
    const why = await weir.read(`/v1/events/${data[0]?.id}/why/video-processor`);
    expect(why).toMatchObject({ verdict: false, reason: 'metadata.foo is "baz", expected "bar"' });
    expect((await weir.read<{ data: unknown[] }>(`/v1/runs?event_id=${data[0]?.id}`)).data).toEqual([]);
    expect(await weir.items("data_bucket", "other/film.mp4")).toEqual([]);
  });

  test("overwritten with metadata that no longer passes the filter, it loses its items", async () => {
    await weir.notifyR2(await weir.put("test-media", "lost/film.mp4", film("short"), { foo: "bar" }));
    await weir.settled("lost/film.mp4", 1);
    expect(await weir.items("data_bucket", "lost/film.mp4")).toHaveLength(2);
    await weir.notifyR2(await weir.put("test-media", "lost/film.mp4", film("short"), { foo: "no" }));
    await weir.until(
      () => weir.items("data_bucket", "lost/film.mp4"),
      (found) => found.length === 0,
    );
  });

  test("deleted, it has no items", async () => {
    await weir.notifyR2(await weir.put("test-media", "gone/film.mp4", film("short"), { foo: "bar" }));
    await weir.settled("gone/film.mp4", 1);
    expect(await weir.items("data_bucket", "gone/film.mp4")).toHaveLength(2);
    await weir.notifyR2(await weir.remove("test-media", "gone/film.mp4"));
    await weir.until(
      () => weir.items("data_bucket", "gone/film.mp4"),
      (found) => found.length === 0,
    );
  });

  test("told twice by R2 and once more by a signed webhook, it is one event and one run", async () => {
    const object = await weir.put("test-media", "twice/film.mp4", film("short"), { foo: "bar" });
    await weir.notifyR2(object);
    await weir.notifyR2(object);
    expect((await weir.deliver("conn_media", weir.s3Records(object))).status).toBe(202);
    await weir.settled("twice/film.mp4", 1);
    expect((await weir.deliver("conn_media", weir.s3Records(object))).status).toBe(202);
    // A later event of the same queue has been taken in: so have the repeated ones before it.
    await weir.deliver("conn_media", weir.s3Records({ ...object, key: "twice/marker" }));
    await weir.until(
      () => weir.read<{ data: unknown[] }>("/v1/events?key=twice%2Fmarker"),
      (page) => page.data.length === 1,
    );
    const events = await weir.read<{ data: { id: string }[] }>("/v1/events?key=twice%2Ffilm.mp4");
    expect(events.data).toHaveLength(1);
    const runs = await weir.read<{ data: unknown[] }>(`/v1/runs?event_id=${events.data[0]?.id}`);
    expect(runs.data).toHaveLength(1);
  });

  test("wanted by two pipelines of which one throws: the other's items are there, the failed run is tried again and ends dead with its reason", async () => {
    await weir.notifyR2(
      await weir.put("test-media", "both/film.mp4", film("short"), { foo: "bar", broken: "yes" }),
    );
    const runs = await weir.settled("both/film.mp4", 2);
    expect(runs.find((run) => run.alias === "video-processor")).toMatchObject({
      status: "succeeded",
      items: 2,
    });
    expect(runs.find((run) => run.alias === "always-throws")).toMatchObject({ status: "dead", attempt: 3 });
    expect(await weir.items("data_bucket", "both/film.mp4")).toHaveLength(2);
    const { data } = await weir.until(
      () => weir.read<{ data: { object: { key: string } }[] }>("/v1/dead-letters?alias=always-throws"),
      (page) => page.data.length === 1,
    );
    expect(data[0]).toMatchObject({
      attempts: 3,
      object: { key: "both/film.mp4" },
      failure: { kind: "handler_failed", detail: "TypeError: cannot read the bug of both/film.mp4" },
    });
  });

  test("leaves one line in the logs for its batch of events, and one for each batch of attempts, ids first", async () => {
    weir.harness.clearLogs();
    await weir.notifyR2(await weir.put("test-media", "told/film.mp4", film("short"), { foo: "bar" }));
    const [run] = await weir.settled("told/film.mp4", 1);
    const lines = weir.harness
      .getLogs()
      .flatMap(({ message }) => (message.startsWith('{"log":') ? [JSON.parse(message)] : []));
    const of = { event_id: run?.event_id, bucket: "test-media", key: "told/film.mp4" };
    expect(lines.filter(({ log }) => log === "events")).toMatchObject([{ events: [of] }]);
    const batches = lines.filter(({ log, attempts }) => log === "attempts" && attempts[0].run_id === run?.id);
    expect(batches).toMatchObject([
      {
        ...{ alias: "video-processor", succeeded: 1 },
        attempts: [{ ...of, attempt: 1, status: "succeeded", items: 2 }],
      },
    ]);
  });

  test("that is no video ends dead at once, and the letter names the object", async () => {
    await weir.notifyR2(await weir.put("test-media", "text/film.mp4", "not a film at all", { foo: "bar" }));
    const [run] = await weir.settled("text/film.mp4", 1);
    expect(run).toMatchObject({ status: "dead", attempt: 1, failure: { kind: "bad_media" } });
    expect(run?.failure?.detail).toContain("text/film.mp4");
  });
});

describe("a picture behind an S3 endpoint", () => {
  test("announced by a signed webhook, it is read by presigned URL and catalogued in R2", async () => {
    const picture = await makeImage({ format: "jpeg", width: 320, height: 200, seed: 7 });
    const object = await weir.put("test-photos", "red+flower%2B ✓.jpg", picture);
    const response = await weir.deliver("conn_photos", weir.s3Records(object));
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({
      events: [{ bucket: "test-photos", key: "red+flower%2B ✓.jpg" }],
    });
    const [run] = await weir.settled("red+flower%2B ✓.jpg", 1);
    expect(run).toMatchObject({ alias: "image-catalog", status: "succeeded", items: 1 });
    const [item] = await weir.items("image_catalog", "red+flower%2B ✓.jpg");
    expect(item).toMatchObject({
      data: { width: 320, height: 200, format: "jpeg" },
      vectors: [{ path: "embedding", dims: 512 }],
    });
    await weir.remove("test-photos", "red+flower%2B ✓.jpg");
    await weir.deliver(
      "conn_photos",
      weir.s3Records({ bucket: "test-photos", key: object.key, eventTime: new Date().toISOString() }),
    );
    await weir.until(
      () => weir.items("image_catalog", object.key),
      (found) => found.length === 0,
    );
  });
});
