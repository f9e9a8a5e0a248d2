import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { drifted, generate, write } from "../../cli/generate.ts";
import { packageRoot } from "../../cli/project.ts";
import { change, config, project, sound } from "./support/given.ts";

const versionIn = async (root: string) => {
  const text = (await generate(root)).get("src/dispatch/registry.generated.ts") ?? "";
  return /"version": "([0-9a-f]{16})"/.exec(text)?.[1];
};

describe("weir generate", () => {
  test("writes what it would write again: the second run changes nothing", async () => {
    const root = project();
    expect(write(root, await generate(root)).sort()).toEqual([
      "pipelines/one/wrangler.toml",
      "src/dispatch/registry.generated.ts",
      "workers/local/wrangler.toml",
      "wrangler.toml",
    ]);
    expect(write(root, await generate(root))).toEqual([]);
  });

  test("gives the same files in two folders", async () => {
    // Siblings, so that even the relative paths to Weir's own sources are the same.
    expect(await generate(project())).toEqual(await generate(project()));
  });

  test("keeps the hand-written part of wrangler.toml to the letter", async () => {
    const root = project();
    change(root, { "wrangler.toml": `# mine\n${sound["wrangler.toml"]}\n# mine too\n` });
    write(root, await generate(root));
    const text = readFileSync(join(root, "wrangler.toml"), "utf8");
    expect(text.startsWith("# mine\n")).toBe(true);
    expect(text.endsWith("# mine too\n")).toBe(true);
  });

  test("finds a file that was edited by hand, and one that is missing", async () => {
    const root = project();
    const files = await generate(root);
    write(root, files);
    expect(drifted(root, files)).toEqual([]);
    change(root, { "pipelines/one/wrangler.toml": "name = 'other'\n" });
    expect(drifted(root, await generate(root))).toEqual(["pipelines/one/wrangler.toml"]);
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
    const worker = parse((await generate(root)).get("pipelines/one/wrangler.toml") ?? "");
    expect(worker.r2_buckets).toEqual([{ binding: "R2_INBOX_FILES", bucket_name: "inbox-files" }]);
    expect(worker.d1_databases).toEqual([{ binding: "D1_RESULTS", database_name: "results" }]);
    expect(worker.secrets).toEqual({ required: ["WEIR_SIGNING_KEY"] });
    expect(worker.queues).toMatchObject({
      producers: [
        { binding: "REPORTS", queue: "weir-reports" },
        { binding: "RETRY", queue: "weir-one" },
        { binding: "DEAD", queue: "weir-one-dead" },
      ],
      consumers: [{ queue: "weir-one", dead_letter_queue: "weir-one-dead", max_batch_size: 10 }],
    });
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
    const files = await generate(root);
    expect(files.get("workers/local/wrangler.toml")).toContain("far-away");
    expect(files.get("wrangler.toml")).not.toContain("far-away");
    const worker = parse(files.get("pipelines/one/wrangler.toml") ?? "");
    expect(worker.r2_buckets).toBeUndefined();
    // It reads with the source's keys; what proves the source's events is the router's alone.
    expect(worker.secrets).toEqual({ required: ["FAR_ID", "FAR_KEY"] });
  });

  test("this repository's generated files are up to date", async () => {
    expect(drifted(packageRoot, await generate(packageRoot))).toEqual([]);
  });
});

describe("a pipeline's version", () => {
  const handler = (body: string) =>
    `import { definePipeline } from "weir";\nimport { shared } from "../shared.ts";\nexport default definePipeline(${body});\n`;
  const start = {
    "pipelines/shared.ts": "export const shared = 1;\n",
    "pipelines/one/handler.ts": handler("async () => [{ shared }]"),
  };

  test.each<[string, Record<string, string | object>]>([
    ["the handler", { "pipelines/one/handler.ts": handler("async () => [{ shared, more: 1 }]") }],
    ["a file that the handler imports", { "pipelines/shared.ts": "export const shared = 2;\n" }],
    ["the config", { "pipelines/one/config.json": config({ timeout_seconds: 5 }) }],
    ["models.json", { "models.json": { models: { x: { kind: "builtin", builtin: "weir/hog-512" } } } }],
  ])("changes with %s", async (_, changed) => {
    const root = project(start);
    const before = await versionIn(root);
    change(root, changed);
    expect(before).toMatch(/^[0-9a-f]{16}$/);
    expect(await versionIn(root)).not.toBe(before);
  });

  test.each<[string, Record<string, string | object>]>([
    [
      "a comment in the handler",
      { "pipelines/one/handler.ts": `// why\n${start["pipelines/one/handler.ts"]}` },
    ],
    ["the layout of config.json", { "pipelines/one/config.json": JSON.stringify(config({})) }],
    ["a default written out", { "pipelines/one/config.json": config({ concurrency: 10 }) }],
    [
      "an example",
      { "pipelines/one/examples.json": [{ name: "a", event: { key: "a.txt" }, matches: true }] },
    ],
    ["a file that nothing imports", { "pipelines/one/README.md": "hello\n" }],
  ])("stays with %s", async (_, changed) => {
    const root = project(start);
    const before = await versionIn(root);
    change(root, changed);
    expect(await versionIn(root)).toBe(before);
  });

  test("of a Python handler follows handler.py and requirements.txt", async () => {
    const root = project({ "pipelines/two/handler.py": "def handler(event):\n    return []\n" });
    change(root, { "pipelines/two/config.json": config({ alias: "two" }) });
    const versions = async () =>
      [
        ...((await generate(root)).get("src/dispatch/registry.generated.ts") ?? "").matchAll(
          /"version": "(\w+)"/g,
        ),
      ].map((match) => match[1]);
    const [one, two] = await versions();
    change(root, { "pipelines/two/requirements.txt": "numpy==2\n" });
    const [oneAfter, twoAfter] = await versions();
    expect(oneAfter).toBe(one);
    expect(twoAfter).not.toBe(two);
  });
});
