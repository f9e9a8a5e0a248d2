import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project.ts";
import { change, config, project } from "./support/given.ts";

const env = { PATH: process.env.PATH, HOME: "/nonexistent", NO_COLOR: "1" };
const weir = (root: string, ...args: string[]) =>
  spawnSync(process.execPath, [join(packageRoot, "cli/bin.mjs"), "--root", root, ...args], {
    encoding: "utf8",
    env,
  });

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
    expect(stdout).toContain("`WEIR_URL` is not set, so no recorded events were asked.");
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
