// What the Workers of `weir dev` are bundled from: code, config and version in one file, and never what does not build.
import { readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { generate } from "../../cli/generate/generate.ts";
import { versionOf } from "../../cli/generate/version.ts";
import { copyRegistry, RunningCopies } from "../../cli/local/running-copies.ts";
import { loadProject } from "../../cli/project/project.ts";
import { change, config, project } from "./support/given.ts";

const handler = (value: string) =>
  `import { value } from "../../lib/value.ts";\nexport default { value, own: ${value} };\n`;
const given = () =>
  project({
    "lib/value.ts": "export const value = 1;\n",
    "pipelines/one/handler.ts": handler("1"),
    "pipelines/two/handler.py": 'def handler(event):\n    return [{"path": "C:\\\\x"}]\n',
    "pipelines/two/config.json": config({ alias: "two" }),
  });
const pathOf = (root: string, alias = "one") => join(root, `.weir/running/${alias}/pipeline.mjs`);
const read = async (root: string) =>
  (await import(`${pathToFileURL(pathOf(root)).href}?${crypto.randomUUID()}`)) as {
    default: unknown;
    WEIR_BUNDLED_VERSION: string;
    WEIR_BUNDLED_CONFIG: unknown;
  };

test("a copy holds the handler with what it imports, its config, and the version that is generated for it", async () => {
  const root = given();
  const loaded = loadProject(root);
  const { imported, project: running } = await new RunningCopies().take(loaded);
  const copy = await read(root);
  expect(copy.default).toEqual({ value: 1, own: 1 });
  expect(copy.WEIR_BUNDLED_CONFIG).toEqual(config({}));
  const [one] = running.pipelines;
  expect(copy.WEIR_BUNDLED_VERSION).toBe(one && (await versionOf(running, one)));
  expect(imported).toEqual(["lib/value.ts"]);
});

test("a copy keeps the lines of its source, for whoever looks for an error", async () => {
  const root = given();
  change(root, { "pipelines/one/handler.ts": "\n\nexport default () => {\n  throw new Error();\n};\n" });
  await new RunningCopies().take(loadProject(root));
  const text = readFileSync(pathOf(root), "utf8");
  const encoded = /sourceMappingURL=data:application\/json;base64,(\S+)/.exec(text)?.[1] ?? "";
  const map = new SourceMap(JSON.parse(Buffer.from(encoded, "base64").toString()) as SourceMapPayload);
  const line = text.split("\n").findIndex((it) => it.includes("throw"));
  expect(map.findEntry(line, 4)).toMatchObject({
    originalSource: "../../../pipelines/one/handler.ts",
    originalLine: 3,
  });
});

test("a Python handler's copy holds its source as it is", async () => {
  const root = given();
  await new RunningCopies().take(loadProject(root));
  const source = readFileSync(join(root, "pipelines/two/handler.py"), "utf8");
  expect(readFileSync(pathOf(root, "two"), "utf8")).toContain(JSON.stringify(source));
  // What runs Python reads the config: its copy must be there without it.
  const copy = (await import(pathToFileURL(join(root, ".weir/running/two/config.mjs")).href)) as object;
  expect(copy).toMatchObject({ default: config({ alias: "two" }) });
});

test("an edit changes code and version together; what a pipeline does not use changes neither", async () => {
  const root = given();
  const copies = new RunningCopies();
  await copies.take(loadProject(root));
  const before = await read(root);
  const other = readFileSync(pathOf(root, "two"), "utf8");
  change(root, { "lib/value.ts": "export const value = 2;\n" });
  const { changed } = await copies.take(loadProject(root));
  const after = await read(root);
  expect(after.default).toEqual({ value: 2, own: 1 });
  expect(after.WEIR_BUNDLED_VERSION).not.toBe(before.WEIR_BUNDLED_VERSION);
  expect(changed).toEqual([{ alias: "one", version: after.WEIR_BUNDLED_VERSION }]);
  expect(readFileSync(pathOf(root, "two"), "utf8")).toBe(other);
});

test("a handler that does not build is named with its place, and runs on as it was; others are taken up", async () => {
  const root = given();
  const copies = new RunningCopies();
  await copies.take(loadProject(root));
  const before = await read(root);
  change(root, {
    "pipelines/one/handler.ts": "const a = 1;\nexport default ][;\n",
    "pipelines/one/config.json": config({ timeout_seconds: 7 }),
    "pipelines/two/handler.py": "def handler(event):\n    return []\n",
  });
  const { broken, changed, project: running } = await copies.take(loadProject(root));
  expect(broken.get("one")).toMatchObject({
    version: before.WEIR_BUNDLED_VERSION,
    problems: [{ file: "pipelines/one/handler.ts", line: 2, column: 16 }],
  });
  expect(changed.map(({ alias }) => alias)).toEqual(["two"]);
  expect(running.pipelines[0]?.config?.timeout_seconds).not.toBe(7);
  expect(await read(root)).toEqual(before);
});

test("a handler that has never built is left out, with its place", async () => {
  const root = given();
  change(root, { "pipelines/one/handler.ts": 'import "./none.ts";\n' });
  const { broken, project: running } = await new RunningCopies().take(loadProject(root));
  expect(broken.get("one")).toMatchObject({
    version: undefined,
    problems: [{ file: "pipelines/one/handler.ts", line: 1, problem: 'Could not resolve "./none.ts".' }],
  });
  expect(running.pipelines.map(({ name }) => name)).toEqual(["two"]);
});

test("what is generated of a running project is what is generated of its files", async () => {
  const root = given();
  const { project: running } = await new RunningCopies().take(loadProject(root));
  expect(await generate(running)).toEqual(await generate(loadProject(root)));
});

test("the router's copy of the registry names what keeps files from running, at the pipelines that it is of", async () => {
  const root = given();
  const at = (file: string) => ({ file, line: 1, column: 1, problem: "wrong" });
  const text =
    "export const registry: object[] = [{ folder: 'pipelines/one' }, { folder: 'pipelines/two' }];\n";
  const problemsOf = async (problems: ReturnType<typeof at>[]) => {
    copyRegistry(root, text, problems);
    const url = pathToFileURL(join(root, ".weir/running/registry.ts")).href;
    const { registry } = (await import(`${url}?${crypto.randomUUID()}`)) as {
      registry: { problems?: { file: string }[] }[];
    };
    return registry.map(({ problems: own }) => own?.map(({ file }) => file));
  };
  expect(await problemsOf([])).toEqual([undefined, undefined]);
  expect(await problemsOf([at("pipelines/two/config.json")])).toEqual([
    undefined,
    ["pipelines/two/config.json"],
  ]);
  expect(await problemsOf([at("connections.json")])).toEqual([["connections.json"], ["connections.json"]]);
});
