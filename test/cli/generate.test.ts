import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { drifted, generate, write } from "../../cli/generate/generate.ts";
import type { Table } from "../../cli/project/bindings.ts";
import { loadProject, packageRoot } from "../../cli/project/project.ts";
import { change, config, project, sound } from "./support/given.ts";

describe("weir generate", () => {
  test("writes what it would write again: the second run changes nothing", async () => {
    const root = project();
    expect(write(root, await generate(loadProject(root))).sort()).toEqual([
      "pipelines/one/wrangler.toml",
      "src/dispatch/registry.generated.ts",
      "workers/local/wrangler.toml",
      "wrangler.toml",
    ]);
    expect(write(root, await generate(loadProject(root)))).toEqual([]);
  });

  test("gives the same files in two folders", async () => {
    // Siblings, so that even the relative paths to Weir's own sources are the same.
    expect(await generate(loadProject(project()))).toEqual(await generate(loadProject(project())));
  });

  test("keeps the hand-written part of wrangler.toml to the letter", async () => {
    const root = project();
    change(root, { "wrangler.toml": `# mine\n${sound["wrangler.toml"]}\n# mine too\n` });
    write(root, await generate(loadProject(root)));
    const text = readFileSync(join(root, "wrangler.toml"), "utf8");
    expect(text.startsWith("# mine\n")).toBe(true);
    expect(text.endsWith("# mine too\n")).toBe(true);
  });

  test("finds a file that was edited by hand, and one that is missing", async () => {
    const root = project();
    const files = await generate(loadProject(root));
    write(root, files);
    expect(drifted(root, files)).toEqual([]);
    change(root, { "pipelines/one/wrangler.toml": "name = 'other'\n" });
    expect(drifted(root, await generate(loadProject(root)))).toEqual(["pipelines/one/wrangler.toml"]);
  });

  test("binds a pipeline to its own queue, source and destination, and to nothing else", async () => {
    const root = project({
      "connections.json": {
        connections: {
          inbox: { kind: "r2", buckets: ["inbox-files"], events: [{ scheme: "r2-queue" }] },
          results: { kind: "d1", database: "results" },
          others: {
            kind: "r2",
            buckets: ["other-files"],
            events: [{ scheme: "bearer", secrets: ["OTHER"] }],
          },
        },
      },
    });
    const worker = parse((await generate(loadProject(root))).get("pipelines/one/wrangler.toml") ?? "");
    expect(worker.r2_buckets).toEqual([{ binding: "R2_INBOX_FILES", bucket_name: "inbox-files" }]);
    expect(worker.d1_databases).toEqual([{ binding: "D1_RESULTS", database_name: "results" }]);
    expect(worker.secrets).toEqual({ required: ["WEIR_HOPS_KEY", "WEIR_INBOX_SIGNING_KEY"] });
    expect(worker.queues).toMatchObject({
      producers: [
        { binding: "REPORTS", queue: "weir-reports" },
        { binding: "RETRY", queue: "weir-one" },
        { binding: "DEAD", queue: "weir-dead" },
      ],
      consumers: [{ queue: "weir-one", dead_letter_queue: "weir-dead" }],
    });
  });

  test("binds the router and its pipelines to every database of a collection, the first by the name that it had", async () => {
    const results = (shards?: number) => ({
      "connections.json": {
        connections: {
          inbox: { kind: "r2", buckets: ["inbox-files"], events: [{ scheme: "r2-queue" }] },
          results: { kind: "d1", database: "results", ...(shards !== undefined && { shards }) },
        },
      },
    });
    const bound = async (shards?: number) => {
      const files = await generate(loadProject(project(results(shards))));
      const [router, pipeline] = ["wrangler.toml", "pipelines/one/wrangler.toml"].map((name) =>
        parse(files.get(name) ?? ""),
      );
      return { router: router?.d1_databases as Table[], pipeline: pipeline?.d1_databases as Table[] };
    };
    const names = ["results", "results-2", "results-3", "results-4"];
    const four = await bound(4);
    expect(four.pipeline.map(({ database_name }) => database_name)).toEqual(names);
    expect(four.pipeline[3]).toEqual({ binding: "D1_RESULTS_4", database_name: "results-4" });
    const migrated = four.router.filter(({ migrations_dir }) =>
      /migrations\/collections$/.test(String(migrations_dir)),
    );
    expect(migrated.map(({ database_name }) => database_name)).toEqual(names);
    expect(await bound(1)).toEqual(await bound());
    expect((await bound()).pipeline).toEqual([{ binding: "D1_RESULTS", database_name: "results" }]);
  });

  test("binds the archive to the router, and to no pipeline", async () => {
    const files = await generate(loadProject(project()));
    const archive = { binding: "ARCHIVE", bucket_name: "weir-archive" };
    expect(parse(files.get("wrangler.toml") ?? "").r2_buckets).toContainEqual(archive);
    for (const [name, text] of files)
      if (name !== "wrangler.toml") expect([name, text.includes("weir-archive")]).toEqual([name, false]);
  });

  test("an S3 bucket is bound locally and never in what is deployed", async () => {
    const s3 = {
      kind: "s3",
      region: "auto",
      buckets: ["far-away"],
      access_key_id: "FAR_ID",
      secret_access_key: "FAR_KEY",
      events: [{ scheme: "standard-webhooks", secrets: ["FAR_HOOK"] }],
    };
    const results = { kind: "d1", database: "results" };
    const root = project({ "connections.json": { connections: { inbox: s3, results } } });
    const files = await generate(loadProject(root));
    expect(files.get("workers/local/wrangler.toml")).toContain("far-away");
    expect(files.get("wrangler.toml")).not.toContain("far-away");
    const worker = parse(files.get("pipelines/one/wrangler.toml") ?? "");
    expect(worker.r2_buckets).toBeUndefined();
    // It reads with the source's keys; what proves the source's events is the router's alone.
    expect(worker.secrets).toEqual({ required: ["FAR_ID", "FAR_KEY", "WEIR_HOPS_KEY"] });
  });

  test("this repository's generated files are up to date", async () => {
    expect(drifted(packageRoot, await generate(loadProject(packageRoot)))).toEqual([]);
  });

  test("gives a model's secret to the pipelines that name the model, and to no others", async () => {
    const url = "https://api.example.com/v1/embeddings";
    const root = project({
      "models.json": { "acme/m": { kind: "http", url, model: "m", dimensions: 8, key: "M_KEY" } },
    });
    const one = async () => (await generate(loadProject(root))).get("pipelines/one/wrangler.toml") ?? "";
    expect(await one()).not.toContain("M_KEY");
    change(root, { "pipelines/one/config.json": config({ models: ["acme/m"] }) });
    expect(await one()).toMatch(/required = \[ .*"M_KEY"/);
  });
});
