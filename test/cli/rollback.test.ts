// `weir rollback` in a repository: what it takes from which commit, what it says first, and what it refuses. Items and
// behaviour are test/e2e/release.test.ts's, the deploy test/deploy/deploy.test.ts's.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { hasPython } from "../python/given.ts";
import { change, config, type Files, project } from "./support/given.ts";

const bin = join(packageRoot, "cli/bin.mjs");
const run = (root: string, command: string, args: string[]) => {
  const who = { NAME: "A", EMAIL: "a@example.com" };
  const env = {
    ...process.env,
    ...{ NO_COLOR: "1", FORCE_COLOR: "0", WEIR_URL: "http://0.0.0.0:9", WEIR_API_KEY: "none" },
    ...Object.fromEntries(
      Object.entries(who).flatMap(([name, value]) => [
        [`GIT_AUTHOR_${name}`, value],
        [`GIT_COMMITTER_${name}`, value],
      ]),
    ),
  };
  return spawnSync(command, args, { cwd: root, encoding: "utf8", env, timeout: 25_000 });
};
const weir = (root: string, ...args: string[]) => run(root, process.execPath, [bin, ...args]);
const git = (root: string, ...args: string[]) => {
  const { status, stdout, stderr } = run(root, "git", args);
  expect({ args, status, stderr }).toMatchObject({ status: 0 });
  return stdout.trim();
};
const handler = (body: string) =>
  `import { definePipeline } from "weir";\nimport { shared } from "../../lib/shared.ts";\nexport default definePipeline(async (event) => [${body}]);\n`;

const FIRST: Files = {
  ".gitignore": ".weir/\n",
  "lib/shared.ts": "export const shared = 1;\n",
  "pipelines/one/handler.ts": handler("{ key: event.key, shared }"),
  "pipelines/one/notes.txt": "gone later\n",
  "pipelines/two/handler.py": "def handler(event):\n    return []\n",
  "pipelines/two/config.json": config({ alias: "two" }),
};

/** A repository in which these changes were committed, one after the other; the commits and versions of `one`. */
function history(...changes: Files[]) {
  const root = project(FIRST);
  git(root, "init", "-q");
  const commits: string[] = [];
  const versions: string[] = [];
  const commit = (subject: string) => {
    const generated = weir(root, "generate");
    expect(generated).toMatchObject({ status: 0 });
    git(root, "add", "-A");
    git(root, "commit", "-qm", subject);
    commits.push(git(root, "rev-parse", "HEAD"));
    versions.push(versionOf(root));
  };
  commit("the first");
  for (const [at, changed] of changes.entries()) {
    if ("pipelines/one/notes.txt" in changed) git(root, "rm", "-q", "pipelines/one/notes.txt");
    const { "pipelines/one/notes.txt": _, ...files } = changed;
    change(root, files);
    commit(`change ${at + 1}`);
  }
  return { root, commits, versions };
}
const versionOf = (root: string, alias = "one") => {
  const text = readFileSync(join(root, "src/dispatch/registry.generated.ts"), "utf8");
  return new RegExp(`"alias": "${alias}",\\s+"version": "(\\w+)"`).exec(text)?.[1] ?? "";
};
const SECOND: Files = {
  "pipelines/one/handler.ts": handler("{ key: event.key, shared, more: 1 }"),
  "pipelines/one/extra.ts": "export const extra = 1;\n",
  "pipelines/one/notes.txt": "",
};

/** Runs a command at a terminal of its own, and types an answer as soon as it is asked for one. */
const AT_TERMINAL = `
import os, pty, sys
said = b""
def read(fd):
    global said
    data = os.read(fd, 1024)
    asked = b"[y/N]" in said
    said += data
    if b"[y/N]" in said and not asked:
        os.write(fd, sys.argv[1].encode() + b"\\r")
    return data
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[2:], read)))
`;
const rollback = [process.execPath, bin, "rollback", "one"];

describe("weir rollback", () => {
  test("--plan says version, commit, files and what it cannot know of items, and does nothing", () => {
    const { root, commits, versions } = history(SECOND);
    const { status, stdout } = weir(root, "rollback", "one", "--plan");
    expect(status).toBe(0);
    expect(stdout).toContain(`one: version ${versions[1]} → ${versions[0]}`);
    expect(stdout).toContain(`commit    ${commits[0]?.slice(0, 9)}`);
    for (const file of ["extra.ts", "handler.ts", "notes.txt"])
      expect(stdout).toContain(`pipelines/one/${file}`);
    expect(stdout).not.toContain("pipelines/two");
    expect(stdout).toContain("the versions that made them are unknown: Nothing answers at http://0.0.0.0:9");
    expect(git(root, "status", "--porcelain")).toBe("");
  });

  test("without --yes, where nobody can be asked, does nothing and exits 2", () => {
    const { root } = history(SECOND);
    const { status, stderr } = weir(root, "rollback", "one", "--no-deploy");
    expect(status).toBe(2);
    expect(stderr).toContain("--yes");
    expect(git(root, "status", "--porcelain")).toBe("");
  });

  test.skipIf(!hasPython).each([
    ["n", 1, ""],
    ["y", 0, "M  pipelines/one/handler.ts"],
  ])("asks a person at a terminal, who says %s", (answer, code, changed) => {
    const { root } = history({ "pipelines/one/handler.ts": handler("{ more: 1 }") });
    const { status, stdout } = run(root, "python3", ["-c", AT_TERMINAL, answer, ...rollback, "--no-deploy"]);
    expect(stdout).toContain("Roll back? [y/N]");
    expect(status).toBe(code);
    expect(git(root, "status", "--porcelain", "--", "pipelines/one/handler.ts")).toBe(changed);
  });

  test("takes the folder, and only it, back to the byte: what was added goes, what was removed is there", () => {
    const { root, versions } = history(SECOND, {
      "pipelines/two/handler.py": "def handler(event):\n    return [{}]\n",
    });
    const two = versionOf(root, "two");
    const { status, stdout } = weir(root, "rollback", "one", "--yes", "--no-deploy", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      ...{ alias: "one", from: versions[1], to: versions[0], subject: "the first", deployed: false },
      items: { asked: false },
    });
    expect(readFileSync(join(root, "pipelines/one/handler.ts"), "utf8")).toBe(
      FIRST["pipelines/one/handler.ts"],
    );
    expect(readFileSync(join(root, "pipelines/one/notes.txt"), "utf8")).toBe("gone later\n");
    expect(existsSync(join(root, "pipelines/one/extra.ts"))).toBe(false);
    expect([versionOf(root), versionOf(root, "two")]).toEqual([versions[0], two]);
    expect(weir(root, "generate", "--check").status).toBe(0);
    expect(git(root, "diff", "--name-only", "HEAD", "--", "pipelines/two", "lib")).toBe("");
  });

  test("to a version by its first digits; --commit leaves a commit of just that", () => {
    const third: Files = { "pipelines/one/handler.ts": handler("{ third: 1 }") };
    const { root, versions } = history(SECOND, third);
    const start = versions[0]?.slice(0, 6) ?? "";
    change(root, { "lib/unrelated.ts": "export {};\n" });
    const { status, stdout } = weir(
      root,
      "rollback",
      "one",
      start,
      "--yes",
      "--no-deploy",
      "--commit",
      "--json",
    );
    expect(status).toBe(0);
    const { rollback_commit } = JSON.parse(stdout);
    expect(rollback_commit).toBe(git(root, "rev-parse", "HEAD"));
    expect(git(root, "log", "-1", "--format=%s")).toBe(`Roll one back to version ${versions[0]}`);
    expect(git(root, "status", "--porcelain")).toBe("?? lib/unrelated.ts");
    expect(versionOf(root)).toBe(versions[0]);
    // And forward again: the version before the present one is the one that was rolled back from.
    expect(weir(root, "rollback", "one", "--yes", "--no-deploy").status).toBe(0);
    expect(versionOf(root)).toBe(versions[2]);
  });

  test.each<[string, Files, string]>([
    ["shared code", { "lib/shared.ts": "export const shared = 2;\n" }, "lib/shared.ts"],
    ["models.json", { "models.json": { x: { kind: "builtin", builtin: "weir/hog-512" } } }, "models.json"],
  ])("is refused, and the tree left alone, when %s has changed since: it is named", (_, since, named) => {
    const { root, versions } = history(SECOND, since);
    const { status, stderr } = weir(root, "rollback", "one", versions[0] ?? "", "--yes", "--no-deploy");
    expect(status).toBe(1);
    expect(stderr).toContain("Nothing was changed");
    expect(stderr).toMatch(new RegExp(`^ {2}${named}$`, "m"));
    expect(git(root, "status", "--porcelain")).toBe("");
    expect(versionOf(root)).toBe(versions[2]);
  });

  test("is refused while the folder holds what no commit has", () => {
    const { root } = history(SECOND);
    change(root, { "pipelines/one/new.ts": "export {};\n" });
    const { status, stderr } = weir(root, "rollback", "one", "--yes", "--no-deploy");
    expect(status).toBe(1);
    expect(stderr).toContain("pipelines/one/new.ts");
    expect(existsSync(join(root, "pipelines/one/new.ts"))).toBe(true);
  });

  test("exits 4 for a pipeline or a version that there is not, and names those that there are", () => {
    const { root, versions } = history(SECOND);
    expect(weir(root, "rollback", "three", "--plan").status).toBe(4);
    const { status, stderr } = weir(root, "rollback", "one", "0000000000000000", "--plan");
    expect(status).toBe(4);
    expect(stderr).toContain(`${versions[0]}  `);
    const only = history();
    expect(weir(only.root, "rollback", "one", "--plan").status).toBe(4);
    expect(weir(root, "rollback", "one", versions[1] ?? "", "--plan").status).toBe(2);
  });
});
