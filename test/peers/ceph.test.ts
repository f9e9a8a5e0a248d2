// All of Weir beside a real S3 server that sends real event notifications: whatever is done to the bucket,
// the collection ends equal to its listing. Skipped, with the reason, where Ceph's packages are not there.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AWKWARD_KEYS } from "../support/keys.ts";
import { type Item, startWeir, type Weir } from "../support/weir.ts";
import { type Ceph, startCeph, whyNoCeph } from "./ceph.ts";
import { historyOf, play } from "./history.ts";

const BUCKET = "test-peer";
const VERSIONED = "test-peer-versioned";
const BUCKETS = [BUCKET, VERSIONED] as const;
const OPERATIONS = Number(process.env.WEIR_OPERATIONS ?? 300);
const seed = Number(process.env.WEIR_SEED ?? Math.floor(Math.random() * 1e6));
const reason = whyNoCeph();
if (reason !== undefined) console.warn(`skipped: a real Ceph RGW: ${reason}`);

describe.skipIf(reason !== undefined)(`a real Ceph RGW${reason ? ` (${reason})` : ""}`, () => {
  let ceph: Ceph;
  let weir: Weir;
  beforeAll(async () => {
    ceph = await startCeph();
    weir = await startWeir({
      CONN_PEER_ENDPOINT: ceph.base,
      CONN_PEER_ACCESS_KEY_ID: ceph.keys.accessKeyId,
      CONN_PEER_SECRET_ACCESS_KEY: ceph.keys.secretAccessKey,
    });
    const door = `${weir.base}/v1/connections/conn_peer/events`;
    for (const bucket of BUCKETS) await ceph.createBucket(bucket);
    await ceph.keepVersions(VERSIONED);
    await ceph.createTopic("weir", door.replace("://", `://weir:${weir.secrets.CONN_PEER_TOKEN}@`));
    for (const bucket of BUCKETS) await ceph.notify(bucket, "weir");
  }, 120_000);
  afterAll(async () => {
    await weir?.close();
    await ceph?.close();
  });

  interface Read {
    bucket: string;
    key: string;
    size: number;
    text: string;
  }
  /** What the reader kept of every object, over all pages. */
  async function collection(): Promise<Read[]> {
    const all: Read[] = [];
    for (let next: string | undefined = ""; next !== undefined; ) {
      const cursor: string = next === "" ? "" : `&cursor=${encodeURIComponent(next)}`;
      const page: { data: Item[]; next?: string } = await weir.read(
        `/v1/collections/read/items?limit=7${cursor}`,
      );
      all.push(
        ...page.data.map(({ data, object: { bucket } }) => ({ ...(data as unknown as Read), bucket })),
      );
      next = page.next;
    }
    return all.sort(byKey);
  }
  const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1);
  const named = <T extends { bucket: string; key: string; size: number }>(all: T[]) =>
    all.map(({ bucket, key, size }) => `${size} ${bucket}/${key}`).sort();
  /** Waits until the collection says what the buckets' listings say. */
  const agreed = async (timeout = 20_000) => {
    const listed = BUCKETS.map(async (bucket) =>
      (await ceph.in(bucket).list()).map((object) => ({ ...object, bucket })),
    );
    const listing = named((await Promise.all(listed)).flat());
    let kept: Read[] = [];
    const difference = async () => {
      kept = await collection();
      const items = named(kept);
      const missing = listing.filter((entry) => !items.includes(entry));
      const extra = items.filter((entry) => !listing.includes(entry));
      return { missing, extra, items: items.length };
    };
    const isNone = (seen: Awaited<ReturnType<typeof difference>>) =>
      seen.missing.length + seen.extra.length === 0 && seen.items === listing.length;
    await weir.until(difference, isNone, timeout);
    return { listing, kept };
  };

  test("puts, overwrites, multipart uploads, copies and deletes: the collection is the listing", async () => {
    const bucket = ceph.in(BUCKET);
    for (let n = 0; n < 12; n++) await bucket.put(`clips/${n}.txt`, `clip ${n}`);
    for (let n = 0; n < 4; n++) await bucket.put(`clips/${n}.txt`, `clip ${n}, written again`);
    await bucket.multipart("large.txt", ["x".repeat(5 * 1024 * 1024), "the end"]);
    await bucket.copy("clips/5.txt", "copies/5.txt");
    await bucket.copy("clips/0.txt", "copies/0.txt");
    await bucket.put("empty.txt", "");
    for (let n = 8; n < 12; n++) await bucket.remove(`clips/${n}.txt`);
    await bucket.remove("never/there.txt");
    await bucket.put("clips/11.txt", "back again");
    const { listing, kept } = await agreed();
    expect(listing).toHaveLength(13);
    expect(kept.find(({ key }) => key === "clips/3.txt")?.text).toBe("clip 3, written again");
    expect(kept.find(({ key }) => key === "large.txt")?.size).toBe(5 * 1024 * 1024 + 7);
  });

  test("awkward keys: each object that is read is the object that was named", async () => {
    const bucket = ceph.in(BUCKET);
    for (const [name, key] of Object.entries(AWKWARD_KEYS)) await bucket.put(key, `this is ${name}`);
    const { kept } = await agreed();
    const texts = Object.fromEntries(kept.map(({ key, text }) => [key, text]));
    for (const [name, key] of Object.entries(AWKWARD_KEYS)) expect(texts[key]).toBe(`this is ${name}`);
    for (const key of Object.values(AWKWARD_KEYS)) await bucket.remove(key);
    await agreed();
  });

  test(`a random history of a plain and a versioned bucket: the collection is the listing (WEIR_SEED=${seed})`, async () => {
    const story = await play(ceph, BUCKETS, historyOf(seed, OPERATIONS));
    try {
      const { kept } = await agreed(60_000);
      const texts = await Promise.all(kept.map(({ bucket, key }) => ceph.in(bucket).read(key)));
      expect(kept.map(({ bucket, key, text }) => [bucket, key, text])).toEqual(
        kept.map(({ bucket, key }, at) => [bucket, key, texts[at]?.slice(0, 200)]),
      );
    } catch (error) {
      console.error(`WEIR_SEED=${seed} repeats this:\n${story.join("\n")}`);
      throw error;
    }
    // Not a history of nothing: the objects that it left, and what only a versioned bucket can do.
    expect(story.length).toBeGreaterThan(OPERATIONS / 2);
    for (const done of [/^\d+\. undelete /, /^\d+\. drop newest .*\.txt$/, /^\d+\. multipart /])
      expect(story.some((line) => done.test(line))).toBe(true);
    for (const bucket of BUCKETS)
      for (const { key } of await ceph.in(bucket).list()) await ceph.in(bucket).remove(key);
    await agreed();
  }, 240_000);

  test("two notifications of one bucket, proven in two ways, are one event", async () => {
    const door = `${weir.base}/v1/connections/conn_peer/events`;
    const OpaqueData = weir.secrets.CONN_PEER_OPAQUE ?? "";
    await ceph.createTopic("weir-opaque", door, { OpaqueData });
    await ceph.notify(BUCKET, "weir-opaque");
    await ceph.in(BUCKET).put("twice.txt", "told twice");
    await agreed();
    const { data } = await weir.read<{ data: { sender: string }[] }>("/v1/events?key=twice.txt");
    expect(data).toMatchObject([{ sender: "ceph", type: "created", operation: "ObjectCreated:Put" }]);
    expect(await weir.settled("twice.txt", 1)).toHaveLength(1);
  });

  test("what it sent was never refused", async () => {
    expect(await weir.read("/v1/rejections?connection=conn_peer")).toEqual({ data: [] });
  });

  test("told with the wrong password, it is refused, and that is on record", async () => {
    await ceph.createBucket("other");
    await ceph.createTopic(
      "wrong",
      `${weir.base.replace("://", "://weir:wrong@")}/v1/connections/conn_peer/events`,
    );
    await ceph.notify("other", "wrong");
    await ceph.in("other").put("a.txt", "a");
    const rejections = () => weir.read<{ data: unknown[] }>("/v1/rejections?connection=conn_peer");
    const { data } = await weir.until(rejections, (found) => found.data.length > 0);
    expect(data).toMatchObject([{ scheme: "basic", failure: { kind: "unproven" } }]);
  });
});
