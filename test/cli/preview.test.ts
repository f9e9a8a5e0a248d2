import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { change, config, project } from "./support/given.ts";

const env = { PATH: process.env.PATH, HOME: "/nonexistent", NO_COLOR: "1" };
const run = (root: string, args: string[], more: Record<string, string> = {}) =>
  spawnSync(process.execPath, [join(packageRoot, "cli/bin.mjs"), "--root", root, ...args], {
    encoding: "utf8",
    env: { ...env, ...more },
  });
const weir = (root: string, ...args: string[]) => run(root, args);

/** A project as it was committed, before the change that is previewed. */
function committed(): string {
  const root = project();
  weir(root, "generate");
  for (const args of [
    ["init", "-q"],
    ["add", "-A"],
    ["commit", "-qm", "before"],
  ]) {
    spawnSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], { cwd: root });
  }
  return root;
}
const filters = (value: unknown) => config({ source: { connection_id: "inbox", filters: value } });

describe("weir preview", () => {
  test("tells the versions that change, and that nothing was asked where nothing can be", () => {
    const root = committed();
    const before = weir(root, "preview", "--base", "HEAD");
    expect(before).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/\| one \| `\w{16}` \| unchanged \|/),
    });
    expect(before.stdout).toContain("No filter changed.");
    change(root, { "pipelines/one/config.json": filters({ extension: "md" }) });
    const { status, stdout } = weir(root, "preview", "--base", "HEAD");
    expect(status).toBe(0);
    expect(stdout).toMatch(/\| one \| `\w{16}` \| was `\w{16}` \|/);
    expect(stdout).toContain("`CLOUDFLARE_API_TOKEN` is not set");
    expect(stdout).toContain("`WEIR_URL` is not set, so no recorded events were compared.");
    expect(stdout).toContain("`WEIR_URL` is not set, so nothing was compared with stored items.");
  });

  test("compares what has another version with what is stored, and says in its place why that was not possible", () => {
    const root = committed();
    const nowhere = { WEIR_URL: "http://0.0.0.0:9", WEIR_API_KEY: "planted-key-1f2e" };
    const before = run(root, ["preview", "--base", "HEAD"], nowhere);
    expect(before.stdout).toContain("No pipeline that has items is of another version.");
    change(root, { "pipelines/one/config.json": config({ timeout_seconds: 5 }) });
    weir(root, "generate");
    const { status, stdout } = run(root, ["preview", "--base", "HEAD"], nowhere);
    expect(status).toBe(0);
    expect(stdout).toMatch(/### Items\n\n\*\*one\*\*\n\n```\n✗ Nothing answers at http:\/\/0\.0\.0\.0:9/);
    expect(stdout).not.toContain(nowhere.WEIR_API_KEY);
  });

  test("fails for a project with problems, which cannot break out of their place in the comment", () => {
    const root = committed();
    change(root, { "pipelines/one/config.json": filters({ "````": [{ prefx: "a" }] }) });
    const { status, stdout } = weir(root, "preview", "--base", "HEAD");
    expect(status).toBe(1);
    expect(stdout).toContain("**Not in order.**");
    expect(stdout).toMatch(/^`{5,}$/m);
  });
});
