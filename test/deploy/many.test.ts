// A plan of very many pipelines: what it costs is counted, not timed. Weir's own code is bundled once for all of them.
import { expect, test, vi } from "vitest";
import { resourcesOf } from "../../cli/deploy/resources.ts";
import { generate, write } from "../../cli/generate/generate.ts";
import { loadProject } from "../../cli/project/project.ts";
import { change, config, type Files, project, sound } from "../cli/support/given.ts";

const bundled = vi.hoisted(() => ({ entries: [] as string[], underWay: 0, most: 0 }));
vi.mock("esbuild", async (original) => {
  const real = await original<typeof import("esbuild")>();
  const build = async (options: import("esbuild").BuildOptions) => {
    bundled.entries.push(String((options.entryPoints as string[])[0]));
    bundled.most = Math.max(bundled.most, ++bundled.underWay);
    return real.build(options).finally(() => bundled.underWay--);
  };
  return { ...real, build };
});

const ROUTER_URL = "https://weir.example";
const ROUTER = String(sound["wrangler.toml"]).replace("../worker.ts", "worker.ts");
const pipelines = (count: number): Files =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => `p${index}`).flatMap((alias) => [
      [`pipelines/${alias}/config.json`, config({ alias })],
      [`pipelines/${alias}/handler.ts`, `export default async () => [{ of: "${alias}" }];\n`],
    ]),
  );
const given = (count: number): string =>
  project({ "wrangler.toml": ROUTER, "worker.ts": "export default {};\n", ...pipelines(count) });

async function built(root: string): Promise<Map<string, string>> {
  const read = loadProject(root);
  write(root, await generate(read));
  const { workers } = await resourcesOf(read, ROUTER_URL);
  return new Map(workers.map(({ name, build }) => [name, build]));
}

test("a plan of many pipelines bundles each handler once, and Weir's code five times in all", {
  timeout: 300_000,
}, async () => {
  const count = 100;
  const builds = await built(given(count));
  // The ledger, compute, search, all pipelines, the router; and `one`, which is there beside the many.
  expect(bundled.entries.filter((entry) => entry === "handler.ts")).toHaveLength(count + 1);
  expect(bundled.entries.filter((entry) => entry !== "handler.ts")).toHaveLength(5);
  expect(bundled.most).toBe(1);
  expect(new Set(builds.values()).size).toBe(count + 5);
});

test("a pipeline's build follows its handler, its config and what its Worker is given, and no other's", {
  timeout: 300_000,
}, async () => {
  const root = given(1);
  const before = await built(root);
  const changed = async (files: Files) => {
    change(root, files);
    const after = await built(root);
    return [...before].flatMap(([name, build]) => (after.get(name) === build ? [] : [name]));
  };
  expect(await changed({})).toEqual([]);
  expect(await changed({ "pipelines/p0/handler.ts": "export default async () => [];\n" })).toEqual([
    "weir-p0",
  ]);
  expect(await changed(pipelines(1))).toEqual([]);
  const commented = "// why\nexport default async () => [ { of: 'p0' } ];\n";
  expect(await changed({ "pipelines/p0/handler.ts": commented })).toEqual([]);
  expect(await changed({ "pipelines/p0/config.json": config({ alias: "p0", concurrency: 3 }) })).toEqual([
    "weir-p0",
  ]);
  change(root, pipelines(1));
  const models = { "a/b": { kind: "builtin", builtin: "weir/hog-512" } };
  expect(await changed({ "models.json": models })).toEqual(["weir-one", "weir-p0"]);
});
