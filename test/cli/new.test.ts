import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { filesOf, hasPython, KIND_NAMES, kindOf, menuText } from "../../cli/new/kinds.ts";
import { loadProject, packageRoot } from "../../cli/project/project.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import { project } from "./support/given.ts";

function weir(root: string, ...args: string[]) {
  const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" };
  return spawnSync(process.execPath, [join(packageRoot, "cli/bin.mjs"), "--root", root, ...args], {
    encoding: "utf8",
    env,
  });
}

const SPEECH = { speech: { kind: "http", task: "transcribe", url: "http://127.0.0.1:9/v1", model: "any" } };

describe("weir new", () => {
  test.each([
    ["TypeScript", [], "handler.ts"],
    ["Python", ["--python"], "handler.py"],
  ])("adds a pipeline in %s whose examples pass and whose files are generated", (_, flags, file) => {
    const root = project();
    const { status, stdout } = weir(root, "new", "thumbnails", ...flags, "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      alias: "thumbnails",
      source: "inbox",
      destination: "results",
      wrote: expect.arrayContaining([`pipelines/thumbnails/${file}`, "pipelines/thumbnails/wrangler.toml"]),
    });
    expect(weir(root, "generate", "--check").status).toBe(0);
    expect(weir(root, "validate").stderr).toContain("2 pipelines and 2 examples are in order");
  });

  test.each(
    KIND_NAMES.flatMap((kind) =>
      hasPython(kind) ? [[kind, false] as const, [kind, true] as const] : [[kind, false] as const],
    ),
  )("%s, in Python: %s, is in order with a model that it may need", (kind, python) => {
    const root = project({ "models.json": SPEECH });
    const { status, stdout } = weir(
      root,
      "new",
      "fresh",
      "--kind",
      kind,
      ...(python ? ["--python"] : []),
      "--json",
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ kind, enabled: true });
    const checked = JSON.parse(weir(root, "validate", "--strict", "--json").stdout);
    const { length } = JSON.parse(readFileSync(join(root, "pipelines/fresh/examples.json"), "utf8"));
    expect(checked).toMatchObject({ ok: true, pipelines: 2, examples: length });
  });

  test("speech-text is off, and says what it waits for, where there is no speech model", () => {
    const root = project();
    const { status, stderr } = weir(root, "new", "talks", "--kind", "speech-text");
    expect(status).toBe(0);
    expect(stderr).toContain('add one by the name "speech" to models.json');
    expect(weir(root, "validate").stderr).toContain("Off");
  });

  test("in Weir's own repository, every kind names connections and models that it has", () => {
    const { connections, definitions } = loadProject(packageRoot);
    for (const kind of KIND_NAMES) {
      const ends = { source: "conn_321", destination: "conn_123" };
      const fresh = filesOf({
        alias: "fresh",
        ...ends,
        kind,
        python: false,
        schema: true,
        models: definitions,
      });
      const config = pipelineConfigSchema.parse(JSON.parse(fresh.files["config.json"] ?? ""));
      expect(Object.keys(connections)).toEqual(expect.arrayContaining(Object.values(ends)));
      expect(fresh.lacks).toBeUndefined();
      expect(config.alias).toBe("fresh");
    }
  });

  test("the menu takes a number or the beginning of a name", () => {
    expect(["1", " 4 ", "film", "Pic", "9", "x", "film-moments"].map(kindOf)).toEqual([
      "film-moments",
      "documents",
      "film-moments",
      "picture-catalog",
      undefined,
      undefined,
      "film-moments",
    ]);
    expect(menuText().split("\n")).toHaveLength(KIND_NAMES.length);
  });

  test("what it writes in TypeScript bundles as a Worker", () => {
    const root = project();
    mkdirSync(join(root, "node_modules"));
    symlinkSync(packageRoot, join(root, "node_modules/weir"));
    weir(root, "new", "thumbnails", "--kind", "documents");
    const wrangler = join(packageRoot, "node_modules/wrangler/bin/wrangler.js");
    const config = join(root, "pipelines/thumbnails/wrangler.toml");
    const { status } = spawnSync(process.execPath, [wrangler, "deploy", "--dry-run", "-c", config], {
      cwd: root,
      env: { ...process.env, CI: "true", WRANGLER_SEND_METRICS: "false" },
    });
    expect(status).toBe(0);
    expect(readFileSync(join(root, "pipelines/thumbnails/handler.ts"), "utf8")).toContain('from "weir"');
  });

  test.each<[string, string[], number, string]>([
    ["a name that is none", ["Thumb Nails"], 2, "is no alias"],
    ["a pipeline that is there", ["one"], 2, "exists already"],
    ["a kind that is none", ["two", "--kind", "film"], 2, "Allowed choices are film-moments"],
    ["Python where a kind has none", ["two", "--kind", "documents", "--python"], 2, "no handler in Python"],
    [
      "a source that is not there",
      ["two", "--source", "nope"],
      4,
      'The connection "nope" of --source is not in',
    ],
  ])("refuses %s", (_, args, code, said) => {
    const { status, stderr } = weir(project(), "new", ...args);
    expect(status).toBe(code);
    expect(stderr).toContain(said);
  });
});
