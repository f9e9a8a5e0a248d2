// Settings of the Workers that are deployed, as their wrangler.toml files have them: what is open to the public, what a
// batch may take, where dead letters go. And that no Worker signs URLs that lead to its reader's own machine.
import { describe, expect, test } from "vitest";
import { workerConfigsOf } from "../../cli/deploy/resources.ts";
import { openDoorsOf } from "../../cli/deploy/wrangler-config.ts";
import { generate } from "../../cli/generate/generate.ts";
import { deliveryOf } from "../../cli/project/bindings.ts";
import { loadProject, packageRoot } from "../../cli/project/project.ts";
import { openEnv } from "../../src/env.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";

const workers = workerConfigsOf(loadProject(packageRoot));

describe("a deployed Worker", () => {
  test.each(workers)("$config.name is public only where it is the door, and no old version is", (worker) => {
    expect(openDoorsOf(worker.config, worker.role === "router")).toEqual([]);
  });

  test("that says nothing of its doors has them open", () => {
    expect(openDoorsOf({ name: "a", main: "a.ts" }, false)).toEqual([
      "preview_urls = false",
      "workers_dev = false",
    ]);
    expect(openDoorsOf({ name: "a", main: "a.ts" }, true)).toEqual(["preview_urls = false"]);
  });

  test("has no address of one's own machine in what is committed", async () => {
    const files = await generate(loadProject(packageRoot));
    for (const { path, config } of workers) {
      const text = `${JSON.stringify(config)}${files.get(path) ?? ""}`;
      expect([path, /127\.0\.0\.1|localhost/.test(text)]).toEqual([path, false]);
    }
  });

  test.each(workers.filter(({ role }) => role !== "compute"))(
    "$config.name has the platform's processor time, and says how many batches it takes at once",
    ({ config }) => {
      expect(config.limits).toEqual({ cpu_ms: 300_000 });
      for (const consumer of config.queues?.consumers ?? [])
        expect([consumer.queue, typeof consumer.max_concurrency]).toEqual([consumer.queue, "number"]);
    },
  );

  test("sends dead jobs to one queue, however many pipelines there are", () => {
    const dead = workers
      .filter(({ role }) => role === "pipeline")
      .flatMap(({ config }) => config.queues?.consumers.map((consumer) => consumer.dead_letter_queue));
    expect(dead.length).toBeGreaterThan(1);
    expect(new Set(dead)).toEqual(new Set(["weir-dead"]));
  });
});

describe("jobs of a pipeline", () => {
  const config = (more: object) =>
    pipelineConfigSchema.parse({
      ...{ alias: "one", source: { connection_id: "a" } },
      ...{ destination: { connection_id: "b", collection: "c" }, ...more },
    });

  test("come alone by its queue, as many at once as its concurrency", () => {
    expect(deliveryOf(config({ dispatch: "queue", concurrency: 10 }))).toEqual({ batch: 1, batches: 10 });
    expect(deliveryOf(config({ dispatch: "queue", concurrency: 100 }))).toEqual({ batch: 1, batches: 100 });
  });

  test("share batches where the queue has only those that are tried again", () => {
    expect(deliveryOf(config({ dispatch: "binding", concurrency: 10 }))).toEqual({ batch: 10, batches: 1 });
    expect(deliveryOf(config({ dispatch: "binding", concurrency: 35 }))).toEqual({ batch: 10, batches: 4 });
  });
});

describe("the router's URL", () => {
  test.each(["http://127.0.0.1:8787", "http://localhost:8787", "http://[::1]:8787", "no url", ""])(
    "that is %j signs nothing",
    (WEIR_URL) => {
      expect(() => openEnv({ WEIR_URL }).publicUrl()).toThrow("is not set on this Worker");
    },
  );

  test("is this machine's in local work, and elsewhere the one that others can reach", () => {
    expect(openEnv({ WEIR_URL: "http://127.0.0.1:1", WEIR_LOCAL: "1" }).publicUrl()).toBe(
      "http://127.0.0.1:1",
    );
    expect(openEnv({ WEIR_URL: "https://weir.example" }).publicUrl()).toBe("https://weir.example");
  });
});
