// What `weir validate` could not see: a pipeline whose results come back to it as objects, over one real R2
// bucket. The count of pipelines that an object came through ends it, and the run says why.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openEnv } from "../../src/env.ts";
import { compileFilter } from "../../src/match/index.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import { eventSchema } from "../../src/shapes/event.ts";
import type { JobCause } from "../../src/shapes/job.ts";
import type { Report } from "../../src/shapes/run.ts";
import { r2Source } from "../../src/source/r2.ts";
import { hopsBy } from "../../src/store/collections/hops.ts";
import { r2Collection } from "../../src/store/collections/r2.ts";
import { attemptAll } from "../../workers/pipeline/attempt.ts";
import { definePipeline } from "../../workers/pipeline/sdk.ts";
import { noCompute } from "../support/no-compute.ts";
import { openStores, type Stores } from "../support/stores.ts";

const proofs = noCompute.hops;
let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores?.close());

/** One run of a pipeline that reads and writes the same bucket. */
async function run(key: string, hops = 0, cause: JobCause = "matched"): Promise<Report> {
  const config = pipelineConfigSchema.parse({
    alias: "looping",
    source: { connection_id: "c" },
    destination: { connection_id: "c", collection: "loops" },
  });
  const time = "2026-11-23T10:00:00.000Z";
  const event = eventSchema.parse({
    ...{ id: `evt_${key}`, connection: "c", sender: "r2", type: "created", operation: "PutObject" },
    ...{ bucket: "bucket", key, time, received_at: time, hops },
  });
  const job = { run_id: `run_${key}`, alias: "looping", cause, attempts_before: 0, event };
  let report: Report | undefined;
  const deps = {
    pipeline: definePipeline(({ key }) => [{ key }]),
    config,
    filter: compileFilter({}),
    source: r2Source("c", openEnv({ R2_BUCKET: stores.bucket })),
    collection: r2Collection(stores.bucket, "loops", (key, hops) =>
      proofs.written({ bucket: "bucket", key }, hops),
    ),
    ...noCompute,
    ...{ version: "v", commit: "c", now: Date.now, random: Math.random },
  };
  await attemptAll([{ job, attempt: 1 }], deps, async (done) => {
    report = done.report;
  });
  if (!report) throw new Error("nothing was attempted");
  return report;
}

const keys = async () => (await stores.bucket.list()).objects.map(({ key }) => key);

test("a loop ends after four pipelines, with its reason on the last run", async () => {
  await stores.bucket.put("start.txt", "hello");
  const reports: Report[] = [];
  for (let key: string | undefined = "start.txt"; key !== undefined && reports.length < 20; ) {
    const before: string[] = await keys();
    reports.push(await run(key));
    key = (await keys()).find((one) => !before.includes(one));
  }
  expect(reports.map(({ status }) => status)).toEqual([...Array(4).fill("succeeded"), "skipped"]);
  expect(reports.at(-1)?.reason).toMatch(/^loop: the object has come through 4 pipelines/);
  const written = await stores.bucket.list({ prefix: "loops/", include: ["customMetadata"] });
  const hops = written.objects.map((one) => one.customMetadata?.["weir-hops"]);
  expect(hops.sort()).toEqual(["1", "2", "3", "4"]);
});

test("hops that the event tells count as well", async () => {
  await stores.bucket.put("told.txt", "hello");
  expect(await run("told.txt", 4)).toMatchObject({
    status: "skipped",
    reason: expect.stringContaining("loop: "),
  });
  expect(await run("told.txt", 3)).toMatchObject({ status: "succeeded" });
});

test("a person may run it on such an object; what comes of it goes no further", async () => {
  const customMetadata = proofs.written({ bucket: "bucket", key: "deep.txt" }, 4);
  await stores.bucket.put("deep.txt", "hello", { customMetadata });
  const before = await keys();
  expect(await run("deep.txt", 0, "invoked")).toMatchObject({ status: "succeeded" });
  const [made] = (await keys()).filter((key) => !before.includes(key));
  expect(await run(made ?? "")).toMatchObject({ status: "skipped" });
});

test("hops that anybody can have written skip nothing: without proof, with another's, or with another count", async () => {
  const of = (key: string, hops: number) => proofs.written({ bucket: "bucket", key }, hops);
  await stores.bucket.put("own.txt", "x", { customMetadata: of("own.txt", 4) });
  expect(await run("own.txt")).toMatchObject({ status: "skipped" });
  const forged: Record<string, string>[] = [
    { "weir-hops": "4" },
    { ...of("own.txt", 4) },
    { ...of("forged.txt", 1), "weir-hops": "4" },
    { ...hopsBy("another Weir's key").written({ bucket: "bucket", key: "forged.txt" }, 4) },
    { ...proofs.written({ bucket: "another", key: "forged.txt" }, 4) },
    { "weir-hops": "4", "weir-hops-proof": "" },
    { "weir-hops": "4", "weir-hops-proof": "\u00e9 no proof" },
  ];
  for (const [n, customMetadata] of forged.entries()) {
    await stores.bucket.put("forged.txt", `upload ${n}`, { customMetadata });
    expect([customMetadata, (await run("forged.txt")).status]).toEqual([customMetadata, "succeeded"]);
  }
});

test("an object whose hops are no number is anybody's object", async () => {
  await stores.bucket.put("odd.txt", "hello", { customMetadata: { "weir-hops": "many" } });
  expect(await run("odd.txt")).toMatchObject({ status: "succeeded" });
});
