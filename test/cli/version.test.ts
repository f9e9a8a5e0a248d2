// What changes a pipeline's version and what does not: a row for each of its inputs, and for what lies beside them.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hashOf, inputsOf, versionOf } from "../../cli/generate/version.ts";
import { commitOf } from "../../cli/git/git.ts";
import { loadProject } from "../../cli/project/project.ts";
import { change, config, type Files, folder, project } from "./support/given.ts";

const handler = (body: string) =>
  `import { definePipeline } from "weir";\nimport { shared } from "../../lib/shared.ts";\nexport default definePipeline(${body});\n`;
const start: Files = {
  "lib/shared.ts": "export const shared = 1;\n",
  "pipelines/one/handler.ts": handler("async () => [{ shared }]"),
  "pipelines/two/handler.py": "def handler(event):\n    return []\n",
  "pipelines/two/config.json": config({ alias: "two" }),
};

async function versionIn(root: string, alias = "one"): Promise<string> {
  const loaded = loadProject(root);
  const pipeline = loaded.pipelines.find(({ name }) => name === alias);
  if (!pipeline) throw new Error(`no ${alias}`);
  return versionOf(loaded, pipeline);
}

const git = (cwd: string, ...args: string[]) => {
  const who = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
  const { status, stderr } = spawnSync("git", [...who, ...args], { cwd, encoding: "utf8" });
  expect({ status, stderr }).toMatchObject({ status: 0 });
};

describe("a pipeline's version", () => {
  test.each<[string, string, Files]>([
    ["the handler", "one", { "pipelines/one/handler.ts": handler("async () => [{ shared, more: 1 }]") }],
    ["a file that the handler imports", "one", { "lib/shared.ts": "export const shared = 2;\n" }],
    ["the config", "one", { "pipelines/one/config.json": config({ timeout_seconds: 5 }) }],
    ["models.json", "one", { "models.json": { x: { kind: "builtin", builtin: "weir/hog-512" } } }],
    ["handler.py", "two", { "pipelines/two/handler.py": "def handler(event):\n    return [{}]\n" }],
    ["requirements.txt", "two", { "pipelines/two/requirements.txt": "numpy==2\n" }],
    ["models.json, in Python", "two", { "models.json": { x: { kind: "builtin", builtin: "weir/pdq-256" } } }],
  ])("changes with %s", async (_, alias, changed) => {
    const root = project(start);
    const before = await versionIn(root, alias);
    change(root, changed);
    expect(before).toMatch(/^[0-9a-f]{16}$/);
    expect(await versionIn(root, alias)).not.toBe(before);
  });

  test("changes with the models that its config names, and with no others", async () => {
    const builtin = { kind: "builtin", builtin: "weir/hog-512" };
    const onnx = (sha256: string) => ({
      kind: "onnx",
      dimensions: 8,
      image: { file: "models/a.onnx", sha256, size: 8 },
    });
    const named = (models: object): Files => ({
      "pipelines/one/config.json": config({ models: ["a"] }),
      "models.json": models,
    });
    const root = project({ ...start, ...named({ a: onnx("1".repeat(64)), b: builtin }) });
    const before = await versionIn(root);
    change(root, named({ a: onnx("1".repeat(64)), b: { ...builtin, builtin: "weir/pdq-256" }, c: builtin }));
    expect(await versionIn(root)).toBe(before);
    change(root, named({ a: onnx("2".repeat(64)), b: builtin }));
    expect(await versionIn(root)).not.toBe(before);
  });

  test("changes with compute's contract", async () => {
    const loaded = loadProject(project(start));
    for (const pipeline of loaded.pipelines) {
      const under = async (contract?: number) => hashOf(await inputsOf(loaded, pipeline, contract));
      expect(await under()).toBe(await versionOf(loaded, pipeline));
      expect(await under(1001)).not.toBe(await under(1002));
    }
  });

  test.each<[string, string, Files]>([
    [
      "a comment in the handler",
      "one",
      { "pipelines/one/handler.ts": `// why\n${start["pipelines/one/handler.ts"]}` },
    ],
    ["the layout of config.json", "one", { "pipelines/one/config.json": JSON.stringify(config({})) }],
    ["a default written out", "one", { "pipelines/one/config.json": config({ concurrency: 10 }) }],
    ["a budget", "one", { "pipelines/one/config.json": config({ budget: { usd_per_day: 5 } }) }],
    [
      "an example",
      "one",
      { "pipelines/one/examples.json": [{ name: "a", event: { key: "a.txt" }, matches: true }] },
    ],
    ["a README beside it", "one", { "pipelines/one/README.md": "hello\n" }],
    ["a file that nothing imports", "one", { "lib/other.ts": "export const other = 1;\n" }],
    ["another pipeline", "one", { "pipelines/two/handler.py": "def handler(event):\n    return [{}]\n" }],
    [
      "a new pipeline",
      "one",
      { "pipelines/three/handler.py": "", "pipelines/three/config.json": config({ alias: "three" }) },
    ],
    [
      "another pipeline, in Python",
      "two",
      {
        "pipelines/one/handler.ts": handler("async () => []"),
        "lib/shared.ts": "export const shared = 9;\n",
      },
    ],
    [
      "another connection",
      "one",
      {
        "connections.json": {
          connections: {
            inbox: { kind: "r2", buckets: ["inbox-files"], events: [{ scheme: "r2-queue" }] },
            other: { kind: "r2", buckets: ["other-files"], events: [{ scheme: "r2-queue" }] },
            results: { kind: "d1", database: "results" },
          },
        },
      },
    ],
  ])("stays with %s", async (_, alias, changed) => {
    const root = project(start);
    const before = await versionIn(root, alias);
    change(root, changed);
    expect(await versionIn(root, alias)).toBe(before);
  });

  test("is the same in two clones in different folders", async () => {
    const root = project(start);
    git(root, "init", "-q");
    git(root, "add", "-A");
    git(root, "commit", "-qm", "first");
    const elsewhere = folder({});
    mkdirSync(join(elsewhere, "far/below"), { recursive: true });
    const clones = [join(elsewhere, "near"), join(elsewhere, "far/below/another-name")];
    for (const clone of clones) git(elsewhere, "clone", "-q", root, clone);
    for (const alias of ["one", "two"]) {
      const [here, ...there] = await Promise.all([root, ...clones].map((it) => versionIn(it, alias)));
      expect(there).toEqual([here, here]);
    }
  });
});

describe("the commit that lineage names", () => {
  test("says dirty when the tree holds anything that is not in it", () => {
    const root = project({ ...start, ".gitignore": ".weir/\n" });
    expect(commitOf(root)).toBe("");
    git(root, "init", "-q");
    git(root, "add", "-A");
    git(root, "commit", "-qm", "first");
    const commit = commitOf(root);
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
    change(root, { ".weir/dev.env": "ignored\n" });
    expect(commitOf(root)).toBe(commit);
    change(root, { "lib/shared.ts": "export const shared = 2;\n" });
    expect(commitOf(root)).toBe(`${commit}-dirty`);
    git(root, "checkout", "-q", "lib/shared.ts");
    expect(commitOf(root)).toBe(commit);
    change(root, { "lib/new.ts": "" });
    expect(commitOf(root)).toBe(`${commit}-dirty`);
  });
});
