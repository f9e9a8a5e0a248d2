import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { project } from "./support/given.ts";

function weir(root: string, ...args: string[]) {
  const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" };
  return spawnSync(process.execPath, [join(packageRoot, "cli/bin.mjs"), "--root", root, ...args], {
    encoding: "utf8",
    env,
  });
}

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

  test("what it writes in TypeScript bundles as a Worker", () => {
    const root = project();
    mkdirSync(join(root, "node_modules"));
    symlinkSync(packageRoot, join(root, "node_modules/weir"));
    weir(root, "new", "thumbnails");
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
