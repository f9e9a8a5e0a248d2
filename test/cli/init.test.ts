import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { change, type Files, folder } from "./support/given.ts";

const bin = join(packageRoot, "cli/bin.mjs");

function weir(cwd: string, ...args: string[]) {
  const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" };
  return spawnSync(process.execPath, [bin, ...args], { cwd, encoding: "utf8", env });
}
const git = (cwd: string, ...args: string[]) =>
  spawnSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], {
    cwd,
    encoding: "utf8",
  });

/** A handler as people have them: tabs, a carriage return, no newline at its end. */
const HANDLER = `import os\r
from mixpeek import Mixpeek, FileTools

def handler(event):
\tmixpeek = Mixpeek(os.getenv('API_KEY'))
\tfile_url = mixpeek.file_url(event['bucket'], event['key'])
\treturn [{"start": chunk.start} for chunk in FileTools.split_video(file_url, frame_interval=10)]`;
const config = (alias: string, source = "conn_321") => `{
   "alias": "${alias}",
   "destination": { "connection_id": "conn_123", "collection": "data_bucket" },
   "source": { "connection_id": "${source}", "filters": { "foo": "bar" } } }`;

/** A repository as the seed draws it: three pipelines at the root, and a workflow. */
const three: Files = {
  ".github/workflows/build-and-push-docker.yml": "name: build\n",
  "pipeline1/handler.py": HANDLER,
  "pipeline1/config.json": config("video-processor"),
  "pipeline2/handler.py": HANDLER,
  "pipeline2/config.json": config("second"),
  "pipeline2/requirements.txt": "numpy\n",
  "pipeline3/handler.py": HANDLER,
  "pipeline3/config.json": config("third", "conn_9"),
  "docs/handler.py": "not a pipeline: it has no config.json\n",
};

function repository(files: Files = three): string {
  const root = folder(files);
  git(root, "init", "-q");
  git(root, "add", "-A");
  git(root, "commit", "-qm", "as it was");
  return root;
}

describe("weir init", () => {
  test("moves three pipelines, unchanged to the byte, and what it makes of them validates", () => {
    const root = repository();
    const { status, stdout } = weir(root, "init", ".", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout).moved).toEqual([
      { from: "pipeline1", to: "pipelines/video-processor" },
      { from: "pipeline2", to: "pipelines/second" },
      { from: "pipeline3", to: "pipelines/third" },
    ]);
    expect(readFileSync(join(root, "pipelines/video-processor/handler.py"), "utf8")).toBe(HANDLER);
    expect(readFileSync(join(root, "pipelines/third/config.json"), "utf8")).toBe(config("third", "conn_9"));
    expect(existsSync(join(root, "pipelines/second/requirements.txt"))).toBe(true);
    expect(existsSync(join(root, "docs/handler.py"))).toBe(true);
    expect(weir(root, "validate").status).toBe(0);
    expect(weir(root, "generate", "--check").status).toBe(0);
  });

  test("git sees renames, not new files", () => {
    const root = repository();
    weir(root, "init");
    const status = git(root, "status", "--porcelain").stdout.split("\n");
    const handlers = status.filter((line) =>
      /pipelines\/.*(handler\.py|config\.json|requirements\.txt)$/.test(line),
    );
    expect(handlers.map((line) => line.slice(0, 3))).toEqual(Array(7).fill("R  "));
  });

  test("writes a connection for every id, and says that they are placeholders", () => {
    const root = repository();
    const { stdout } = weir(root, "init");
    const { connections } = JSON.parse(readFileSync(join(root, "connections.json"), "utf8"));
    expect(connections).toEqual({
      conn_321: { kind: "r2", buckets: ["weir-conn-321"], events: [{ scheme: "r2-queue" }] },
      conn_9: { kind: "r2", buckets: ["weir-conn-9"], events: [{ scheme: "r2-queue" }] },
      conn_123: { kind: "d1", database: "weir-collections" },
    });
    expect(stdout).toContain("placeholders for conn_321, conn_9, conn_123");
  });

  test("a second one changes nothing, and overwrites nothing that was edited", () => {
    const root = repository();
    weir(root, "init");
    change(root, { "models.json": {} });
    weir(root, "generate");
    const before = git(root, "status", "--porcelain").stdout;
    const { status, stdout } = weir(root, "init", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ ok: true, moved: [], wrote: [], placeholders: [], model: null });
    expect(git(root, "status", "--porcelain").stdout).toBe(before);
  });

  test("keeps local secrets out of git, also where a .gitignore is there already", () => {
    const root = repository({ ...three, ".gitignore": "*.log\nnode_modules/" });
    weir(root, "init");
    expect(readFileSync(join(root, ".gitignore"), "utf8")).toBe(
      "*.log\nnode_modules/\n.weir/\n.wrangler/\nwrangler.local.toml\n",
    );
  });

  test("works where there is no git", () => {
    const root = folder(three);
    expect(weir(root, "init").status).toBe(0);
    expect(readFileSync(join(root, "pipelines/second/handler.py"), "utf8")).toBe(HANDLER);
  });

  test.each<[string, Files, string]>([
    ["one config is not JSON", { "pipeline2/config.json": "{" }, "pipeline2/config.json:1"],
    ["one alias is none", { "pipeline2/config.json": config("Not An Alias") }, "alias"],
    [
      "two have one alias",
      { "pipeline2/config.json": config("third") },
      'The alias "third" is taken by pipeline2.',
    ],
  ])("moves and writes nothing when %s", (_, files, said) => {
    const root = repository({ ...three, ...files });
    const { status, stderr } = weir(root, "init");
    expect(status).toBe(1);
    expect(stderr).toContain(said);
    expect(git(root, "status", "--porcelain").stdout).toBe("");
  });

  test("starts one from nothing, to which a pipeline can be added", () => {
    const root = folder({});
    expect(weir(root, "init", "--new", "my-files").status).toBe(0);
    const project = join(root, "my-files");
    expect(weir(project, "validate").status).toBe(0);
    expect(weir(project, "new", "hello", "--python").status).toBe(0);
    expect(JSON.parse(weir(project, "validate", "--json").stdout)).toMatchObject({
      ok: true,
      pipelines: 1,
      examples: 2,
    });
  });

  test("refuses Weir's own folder", () => {
    expect(weir(packageRoot, "init")).toMatchObject({ status: 2 });
  });
});
