// `weir filter` on files: what a filter says of a pasted event, where a changed filter is found, and how a
// wrong one is told. With the router it is tried in test/e2e/filters.test.ts.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { filterAgainst } from "../../cli/operate/filter-source.ts";
import { packageRoot } from "../../cli/project/project.ts";
import { change, config, project } from "./support/given.ts";

const bin = join(packageRoot, "cli/bin.mjs");
function weir(root: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, "--root", root, "filter", ...args], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
  });
  return { status, stdout, stderr };
}

describe("weir filter test", () => {
  const root = (files: object = {}) =>
    project({
      "event.json": { bucket: "inbox-files", key: "notes/a.txt", size: 20_000_000 },
      "filter.json": { extension: "txt", size: ">= 10MB", "metadata.color": ["red", "blue"] },
      ...files,
    });

  test("exits 0 where the pipeline's filter passes, with each condition", () => {
    const { status, stdout, stderr } = weir(root(), "test", "one", "event.json");
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: "✓ pipelines/one/config.json passes the event.\n",
    });
    expect(stdout).toContain('✓  extension  "txt"     "txt"  in the event');
  });

  test("exits 1 where it does not, and says what stands in the way", () => {
    const { status, stderr } = weir(root({ "event.json": { key: "a.mp4" } }), "test", "one", "event.json");
    expect(status).toBe(1);
    expect(stderr).toContain('does not pass the event: extension is "mp4", expected "txt"');
  });

  test("exits 1 where it hangs on what the event does not say, and names the look-up", () => {
    const { status, stdout, stderr } = weir(root(), "test", "filter.json", "event.json");
    expect(status).toBe(1);
    expect(stdout).toMatch(/\? +metadata.color +\["red","blue"\] +– +unknown/);
    expect(stderr).toContain("is not decided by the fields of the event: metadata.color is not known");
  });

  test("a whole config.json of elsewhere is read as its filter", () => {
    const elsewhere = config({ source: { connection_id: "inbox", filters: { key: "notes/a.txt" } } });
    expect(weir(root({ "other.json": elsewhere }), "test", "other.json", "event.json").status).toBe(0);
  });

  test("--json is the whole explanation on stdout", () => {
    const { status, stdout } = weir(root(), "test", "filter.json", "event.json", "--json");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: "unknown",
      branches: ["unknown"],
      warnings: [],
      clauses: [
        { path: "extension", verdict: true },
        { path: "metadata.color", source: "unknown", verdict: "unknown" },
        { path: "size", expected: ">= 10MB", actual: 20_000_000, verdict: true },
      ],
    });
  });

  test("alternatives are told apart", () => {
    const either = { $or: [{ extension: "mp4" }, { key: [{ prefix: "notes/" }] }] };
    const { status, stdout } = weir(root({ "or.json": either }), "test", "or.json", "event.json");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^1 +✗ +extension/m);
    expect(stdout).toMatch(/^2 +✓ +key/m);
  });

  test("a filter that does not compile is told at its place, with what was meant", () => {
    const wrong = '{\n  "key": [\n    { "prefx": "a" }\n  ]\n}\n';
    const { status, stderr } = weir(root({ "wrong.json": wrong }), "test", "wrong.json", "event.json");
    expect(status).toBe(1);
    expect(stderr).toContain("wrong.json:3:7");
    expect(stderr).toContain("Did you mean");
  });

  test("what is doubtful is a warning, at its place", () => {
    const doubtful = { sufix: "a", key: "notes/a.txt" };
    const { stderr } = weir(root({ "doubt.json": doubtful }), "test", "doubt.json", "event.json");
    expect(stderr).toContain("doubt.json:2:3");
    expect(stderr).toContain("this asks for metadata named sufix");
  });

  test("an event with a field that Weir's events lack is told at its place", () => {
    const odd = { "odd.json": '{\n  "key": "a.txt",\n  "Bucket": "b"\n}\n' };
    const { status, stderr } = weir(root(odd), "test", "one", "odd.json");
    expect(status).toBe(1);
    expect(stderr).toContain("odd.json:");
    expect(stderr).toContain("Bucket");
  });

  test.each([
    ["a pipeline that is not there", ["test", "onne", "event.json"], 'Did you mean "one"?'],
    ["an event that is neither file nor id", ["test", "one", "none.json"], "nor the id of an event"],
    [
      "a commit that is not there",
      ["diff", "one", "--against", "HEAD~99"],
      "neither a file nor a git revision",
    ],
  ])("exits 2 for %s", (_, args, said) => {
    const { status, stderr } = weir(root(), ...args);
    expect(status).toBe(2);
    expect(stderr).toContain(said);
  });

  test("a recorded event without a router says what to start", () => {
    const { status, stderr } = weir(root(), "test", "one", "evt_1", "--url", "http://127.0.0.1:9");
    expect(status).toBe(3);
    expect(stderr).toContain("weir dev");
  });
});

describe("the filter that weir filter diff compares with", () => {
  test("is this folder's, a file's, or that of a commit", () => {
    const root = project();
    const git = (...args: string[]) => {
      const as = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
      expect(spawnSync("git", [...as, ...args], { cwd: root }).status).toBe(0);
    };
    git("init", "-q");
    git("add", "pipelines");
    git("commit", "-q", "-m", "first");
    const source = (extension: string) =>
      config({ source: { connection_id: "inbox", filters: { extension } } });
    change(root, { "pipelines/one/config.json": source("md"), "changed.json": { extension: "pdf" } });
    expect(filterAgainst(root, "one", undefined).filter).toEqual({ extension: "md" });
    expect(filterAgainst(root, "one", "HEAD")).toMatchObject({
      name: "HEAD:pipelines/one/config.json",
      filter: { extension: "txt" },
    });
    expect(filterAgainst(root, "one", join(root, "changed.json")).filter).toEqual({ extension: "pdf" });
    expect(() => filterAgainst(root, "one", "--output=x")).toThrow("neither a file nor a git revision");
  });
});
