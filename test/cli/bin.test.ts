import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { change, project } from "./support/given.ts";

const bin = join(packageRoot, "cli/bin.mjs");

/** Runs the command as a shell would, and tells how it ended. */
function weir(root: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, "--root", root, ...args], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
  });
  return { status, stdout, stderr };
}

describe("the weir command", () => {
  test("generates, then finds nothing to do", () => {
    const root = project();
    expect(weir(root, "generate").status).toBe(0);
    expect(weir(root, "generate", "--check")).toMatchObject({ status: 0, stdout: "" });
  });

  test("--check exits 1 and names what has drifted and what to do", () => {
    const root = project();
    weir(root, "generate");
    change(root, { "workers/local/wrangler.toml": "name = 'other'\n" });
    const { status, stderr } = weir(root, "generate", "--check");
    expect(status).toBe(1);
    expect(stderr).toContain("workers/local/wrangler.toml");
    expect(stderr).toContain("weir generate");
  });

  test("generates nothing from a project with problems", () => {
    const root = project({ "pipelines/one/config.json": { alias: "one" } });
    const { status, stderr } = weir(root, "generate");
    expect(status).toBe(1);
    expect(stderr).toContain("pipelines/one/config.json:1:1");
    expect(existsSync(join(root, "pipelines/one/wrangler.toml"))).toBe(false);
  });

  test("validate --json tells data on stdout and exits 1 when there are problems", () => {
    const root = project({ "pipelines/one/config.json": "{" });
    const { status, stdout } = weir(root, "validate", "--json");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      problems: [{ file: "pipelines/one/config.json" }],
    });
  });

  test("speaks without colour where NO_COLOR says so", () => {
    const { stderr } = weir(project({ "pipelines/one/config.json": "{" }), "validate");
    expect(stderr).not.toContain("\u001b");
  });

  test.each([
    ["no subcommand", []],
    ["an unknown subcommand", ["vaildate"]],
    ["an unknown option", ["validate", "--jsno"]],
    ["a port that is no port", ["dev", "--port", "70000"]],
    ["a missing argument", ["put"]],
    ["a target that names no object", ["rm", "weir-media"]],
    ["a benchmark that is not there", ["bench", "nope"]],
  ])("exits 2 for %s, with help on stderr", (_, args) => {
    const { status, stdout, stderr } = weir(project(), ...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).not.toBe("");
  });

  test("put without a running stack says what to start", () => {
    const root = project({ "a.txt": "hello" });
    const { status, stderr } = weir(root, "put", join(root, "a.txt"), "--url", "http://127.0.0.1:9");
    expect(status).toBe(1);
    expect(stderr).toContain("weir dev");
  });
});
