// What a run holds of an object that has items: which events run the handler again, and that no order of runs leaves
// items of bytes that are gone. Over real R2 and D1.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openEnv } from "../../src/env.ts";
import { compileFilter } from "../../src/match/index.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import type { Event } from "../../src/shapes/event.ts";
import { FailureError } from "../../src/shapes/failure.ts";
import type { Job } from "../../src/shapes/job.ts";
import type { Source } from "../../src/source/contract.ts";
import { r2Source } from "../../src/source/r2.ts";
import type { Collection } from "../../src/store/collections/contract.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import { r2Collection } from "../../src/store/collections/r2.ts";
import { type Attempted, attemptAll } from "../../workers/pipeline/attempt.ts";
import type { RunDeps } from "../../workers/pipeline/run.ts";
import { definePipeline, type Handler } from "../../workers/pipeline/sdk.ts";
import { noCompute } from "../support/no-compute.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
let source: Source;
beforeAll(async () => {
  stores = await openStores();
  const env = { R2_BUCKET: stores.bucket, WEIR_URL: "http://router.test", WEIR_SIGNING_KEY: "k" };
  source = r2Source("c", openEnv(env));
});
afterAll(() => stores?.close());

let number = 0;
let key = "";
let calls = 0;
let collection: Collection;
beforeEach(() => {
  key = `key-${number++}`;
  calls = 0;
});

const config = (filters: object) =>
  pipelineConfigSchema.parse({
    alias: "p1",
    source: { connection_id: "c", filters },
    destination: { connection_id: "d", collection: "x" },
  });
const read: Handler = async (event) => {
  calls++;
  return [{ body: await (await stores.bucket.get(event.key))?.text(), color: event.metadata?.color ?? null }];
};
const deps = (filters: object = {}, over: Partial<RunDeps> = {}): RunDeps => ({
  ...noCompute,
  pipeline: definePipeline(read),
  config: config(filters),
  filter: compileFilter(filters),
  ...{ source, collection, version: "v", commit: "c" },
  ...{ now: () => Date.parse("2026-11-23T10:00:00Z"), random: () => 0.5 },
  ...over,
});
let runs = 0;
const job = (event: Partial<Event> = {}, more: Partial<Job> = {}): Job => ({
  ...{ run_id: `run_${runs++}`, alias: "p1", cause: "matched", attempts_before: 0 },
  event: {
    ...{ id: `evt_${runs}`, connection: "c", sender: "s3", type: "created", operation: "ObjectCreated:Put" },
    ...{ bucket: "bucket", key, time: "2026-11-23T09:59:00.000Z", identities: [], hops: 0 },
    received_at: "2026-11-23T09:59:01.000Z",
    ...event,
  },
  ...more,
});
const TAGGED = { type: "tagged", operation: "ObjectTagging:Put" } as const;
const PARTS = { operation: "ObjectCreated:CompleteMultipartUpload" } as const;
const put = (body: string, color = "red") => stores.bucket.put(key, body, { customMetadata: { color } });

async function attempt(one: Job, from: RunDeps): Promise<Attempted> {
  let result: Attempted | undefined;
  await attemptAll([{ job: one, attempt: 1 }], from, async (done) => {
    result = done;
  });
  if (!result) throw new Error("nothing was attempted");
  return result;
}
const held = async () => (await collection.list({ limit: 100 })).items.map(({ data }) => data.body);

describe.each(["D1", "R2"])("in %s", (kind) => {
  beforeEach(() => {
    const name = `hold-${kind}-${number}`;
    collection = kind === "D1" ? d1Collection(stores.collections, name) : r2Collection(stores.archive, name);
  });

  test("an event that changes nothing a handler sees runs it no more; a reason says so", async () => {
    await put("one");
    await attempt(job(), deps());
    const { report } = await attempt(job(TAGGED), deps());
    expect(report).toMatchObject({ status: "skipped", reason: expect.stringMatching(/^nothing changed/) });
    expect(calls).toBe(1);
    expect(await held()).toEqual(["one"]);
  });

  test.each<[string, () => Promise<[Job, RunDeps]>]>([
    ["a write, be it of the same bytes", async () => [job(), deps()]],
    ["a replay", async () => [job(TAGGED, { cause: "replayed" }), deps()]],
    ["an invocation", async () => [job(TAGGED, { cause: "invoked" }), deps()]],
    ["a redrive", async () => [job(TAGGED, { forgiven: 3 }), deps()]],
    ["another version of the pipeline", async () => [job(TAGGED), deps({}, { version: "w" })]],
    ["other tags, where the event tells them", async () => [job({ ...TAGGED, tags: { a: "b" } }), deps()]],
    ["a filter that names its type", async () => [job(TAGGED), deps({ type: ["created", "tagged"] })]],
    [
      "a filter that names its operation",
      async () => [job(TAGGED), deps({ operation: [{ prefix: "ObjectTagging" }] })],
    ],
    [
      "other metadata",
      async () => {
        await put("one", "blue");
        return [job({ type: "other", operation: "OBJECT_METADATA_UPDATE" }), deps()];
      },
    ],
    [
      "other bytes",
      async () => {
        await put("two");
        return [job(TAGGED), deps()];
      },
    ],
  ])("%s runs it again", async (_, again) => {
    await put("one");
    await attempt(job(), deps());
    const [second, from] = await again();
    expect((await attempt(second, from)).report).toMatchObject({ status: "succeeded", items: 1 });
    expect(calls).toBe(2);
  });

  test("what passes the filter only now runs, whatever was held of these bytes", async () => {
    const approved = (state: string) =>
      deps(
        { tags: { state: ["approved"] } },
        {
          source: { ...source, tags: async () => ({ state }) },
        },
      );
    await put("one");
    await attempt(job(), approved("pending"));
    expect(await held()).toEqual([]);
    await attempt(job(TAGGED), approved("approved"));
    expect(await held()).toEqual(["one"]);
    await attempt(job(TAGGED, { cause: "tracked" }), approved("rejected"));
    expect(await held()).toEqual([]);
  });

  test("overwritten by what the filter refuses: the items are made anew; there they were none, none are made", async () => {
    const puts = deps({ operation: "ObjectCreated:Put" });
    await put("in parts");
    await attempt(job(PARTS, { cause: "tracked" }), puts);
    expect(await held()).toEqual([]);
    await attempt(job(), puts);
    await put("in other parts");
    await attempt(job(PARTS, { cause: "tracked" }), puts);
    expect(await held()).toEqual(["in other parts"]);
  });

  test("overwritten between the last look and the storing, told meanwhile and refused: never the old bytes", async () => {
    const puts = { operation: "ObjectCreated:Put" };
    await put("old");
    const slow: Collection = {
      ...collection,
      async replace(fence, lineage, items) {
        if (calls === 1) {
          await put("new");
          // Nothing is held yet: nothing to do, it seems.
          const { report } = await attempt(job(PARTS, { cause: "tracked" }), deps(puts));
          expect(report.status).toBe("skipped");
        }
        return collection.replace(fence, lineage, items);
      },
    };
    await attempt(job(), deps(puts, { collection: slow }));
    expect(await held()).toEqual(["new"]);
  });

  test("brought back while a run still takes it for gone: its items stay", async () => {
    const object = await put("back");
    await attempt(job(), deps());
    let looks = 0;
    const gone: Source = {
      ...source,
      observe: async (...place) => (looks++ === 0 ? null : source.observe(...place)),
    };
    const removed = { type: "removed", operation: "ObjectRemoved:Delete" } as const;
    await attempt(job(removed, { cause: "tracked" }), deps({}, { source: gone }));
    expect(await held()).toEqual(["back"]);
    expect((await collection.list({ limit: 1 })).items[0]?.lineage.etag).toBe(object?.etag);
  });

  test("a removal after which the object is there shows the handler an object that was created", async () => {
    await put("below");
    const shown: Event[] = [];
    const pipeline = definePipeline((event) => {
      shown.push(event as Event);
      return [{ body: "seen" }];
    });
    const versioned: Source = {
      ...source,
      observe: async (...place) => {
        const seen = await source.observe(...place);
        return seen && { ...seen, version_id: "v1" };
      },
    };
    const removed = { type: "removed", version_id: "marker", operation: "ObjectRemoved:Delete" } as const;
    await attempt(job(removed), deps({ type: "created" }, { pipeline, source: versioned }));
    expect(shown).toMatchObject([{ type: "created", version_id: "v1", size: 5 }]);
    const { lineage } = (await collection.list({ limit: 1 })).items[0] ?? {};
    expect(lineage).toMatchObject({ version_id: "v1" });
  });

  describe("A, B and A again, of which a run saw A, read B, and saw A", () => {
    /** Stores what a run has read of an object that is another for as long as it reads. */
    async function readTorn(filters: object) {
      await put("A");
      const pipeline = definePipeline(async (event, weir) => {
        await put("B");
        const items = await read(event, weir);
        await put("A");
        return items;
      });
      await attempt(job(), deps(filters, { pipeline }));
      expect(await held()).toEqual(["B"]);
    }
    const removal = (time: string): Partial<Event> => ({
      ...{ type: "removed", operation: "ObjectRemoved:Delete", version_id: "of-B", time },
    });
    const PUTS = { operation: "ObjectCreated:Put" };

    test.each([
      ["the removal of the version that was B, meanwhile", {}, removal("2026-11-23T09:59:59.000Z")],
      ["the same, by a clock that goes ahead", {}, removal("2026-11-23T10:00:02.000Z")],
      ["the write of A that the filter refuses", PUTS, PARTS],
    ])("%s: the items are made anew, of A", async (_, filters, event) => {
      await readTorn(filters);
      const { report } = await attempt(job(event, { cause: "tracked" }), deps(filters));
      expect(report).toMatchObject({ status: "succeeded", items: 1 });
      expect(await held()).toEqual(["A"]);
    });

    test("a removal of another version, long after the set was stored, runs nothing", async () => {
      await put("A");
      await attempt(job(), deps());
      const { report } = await attempt(job(removal("2026-11-23T10:01:00.000Z")), deps());
      expect(report).toMatchObject({ status: "skipped", reason: expect.stringMatching(/^nothing changed/) });
      expect(calls).toBe(1);
    });
  });

  describe("archived, so that its bytes cannot be read", () => {
    const cold: () => Partial<RunDeps> = () => ({
      source: { ...source, archivedIn: async () => "GLACIER" },
      pipeline: definePipeline(() => {
        throw new Error("the signed URL answered 403");
      }),
    });

    test("it is skipped with the reason, at once, and items of these bytes stay", async () => {
      await put("warm");
      await attempt(job(), deps());
      const { report, next } = await attempt(job(), deps({}, cold()));
      expect(next).toBe("done");
      expect(report).toMatchObject({
        status: "skipped",
        reason: expect.stringContaining("archived (GLACIER)"),
        failure: { kind: "object_archived", next: expect.stringContaining("restore") },
      });
      expect(await held()).toEqual(["warm"]);
    });

    test("items of other bytes go", async () => {
      await put("warm");
      await attempt(job(), deps());
      await put("cold");
      expect((await attempt(job(), deps({}, cold()))).report).toMatchObject({ status: "skipped", items: 0 });
      expect(await held()).toEqual([]);
    });

    test.each(["unavailable", "timeout", "overloaded"] as const)(
      "%s is that all the same",
      async (failing) => {
        await put("cold");
        const pipeline = definePipeline(() => {
          throw new FailureError({ kind: failing, detail: "as told" });
        });
        const { report } = await attempt(job(), deps({}, { ...cold(), pipeline }));
        expect(report.failure).toMatchObject({ kind: failing });
      },
    );
  });
});
