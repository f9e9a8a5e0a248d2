// `--json` of every command, run for real: one JSON value on stdout, whatever else is said on stderr. And what
// the command does with keys that may not. A command that is missing from the table below fails.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { project } from "../cli/support/given.ts";
import { type Ended, weirHere } from "../cli/support/run.ts";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

const ROOT = join(packageRoot, "test/project");
let weir: Weir;
let folder: string;
const ids: Record<string, string> = {};
beforeAll(async () => {
  weir = await startWeir();
  folder = mkdtempSync(join(tmpdir(), "weir-json-"));
  writeFileSync(join(folder, "a.txt"), "hello");
  await weir.notifyR2(await weir.put("test-media", "json/a.txt", "hello", { color: "red" }));
  const [run] = await weir.settled("json/a.txt", 1);
  ids.EVENT = run?.event_id ?? "";
  await weir.notifyR2(await weir.put("test-media", "json/a.bin", "x", { broken: "yes" }));
  ids.DEAD = (await weir.settled("json/a.bin", 1))[0]?.id ?? "";
  const [item] = (await weir.read<{ data: { id: string }[] }>("/v1/collections/echoes/items?key=json/a.txt"))
    .data;
  ids.ITEM = item?.id ?? "";
  const replay = await weir.api("/v1/replays", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ select: { kind: "stale" }, aliases: ["echo"], dry_run: true }),
  });
  ids.REPLAY = ((await replay.json()) as { id: string }).id;
}, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await weir?.close();
});

const run = (words: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
  weirHere(words, {
    XDG_CONFIG_HOME: folder,
    WEIR_URL: weir.base,
    WEIR_API_KEY: API_KEY,
    ...weir.secrets,
    ...env,
  });

/** A run that waits, its pipeline being paused. */
async function heldRun(): Promise<string> {
  expect((await run(["pipelines", "pause", "echo", "--reason", "held"])).code).toBe(0);
  await weir.notifyR2(await weir.put("test-media", "json/held.txt", "x"));
  const { data } = await weir.until(
    () => weir.read<{ data: { id: string }[] }>("/v1/runs?alias=echo&status=pending"),
    (page) => page.data.length > 0,
  );
  return data[0]?.id ?? "";
}

interface Row {
  /** Words after the command, and which exit codes are in order. */
  words?: () => string[] | Promise<string[]>;
  codes?: number[];
  /** In a small project of its own, not in test/project. */
  alone?: true;
  /** The test that parses its JSON, and words of it. */
  elsewhere?: [file: string, words: string];
}

const TABLE: Record<string, Row> = {
  init: { words: () => ["--new", join(folder, "begun")], alone: true },
  new: { words: () => ["another"], alone: true },
  generate: { words: () => ["--check"] },
  validate: {},
  dev: { elsewhere: ["test/support/clone.ts", "JSON.parse(stdout)"] },
  demo: { elsewhere: [".ci/run", "--json"] },
  put: { words: () => [join(folder, "a.txt"), "test-media/json/b.txt"] },
  rm: { words: () => ["test-media/json/b.txt"] },
  trigger: { words: () => ["standard-webhooks", "--object", "test-media/json/a.txt"] },
  connect: { words: () => ["standard-webhooks", "--no-wait"] },
  "filter test": { words: () => ["echo", ids.EVENT ?? ""] },
  "filter diff": { words: () => ["echo"] },
  "replay create": { words: () => ["--select", "stale", "--alias", "echo", "--dry-run"] },
  "replay list": {},
  "replay show": { words: () => [ids.REPLAY ?? ""] },
  "replay pause": { elsewhere: ["test/e2e/operate-cli.test.ts", '"replay", "cancel"'] },
  "replay resume": { elsewhere: ["test/e2e/operate-cli.test.ts", '"replay", "cancel"'] },
  "replay cancel": { elsewhere: ["test/e2e/operate-cli.test.ts", '"replay", "cancel"'] },
  audit: { words: () => ["echo", "--prefix", "json/"], codes: [0, 1] },
  "dead-letters list": {},
  "dead-letters redrive": { words: () => ["--alias", "echo"] },
  "dead-letters drop": { words: () => ["--alias", "echo", "--reason", "none"] },
  "dead-letters show": { words: () => [ids.DEAD ?? ""] },
  "events list": {},
  "events show": { words: () => [ids.EVENT ?? ""] },
  overview: {},
  connections: {},
  locate: { words: () => ["json/a.txt"] },
  live: { elsewhere: ["test/e2e/live.test.ts", "JSON.parse(line)"] },
  rejections: {},
  lineage: { words: () => ["echoes", ids.ITEM ?? ""] },
  invoke: { words: () => ["echo", "test-media/json/a.txt"] },
  upload: { words: () => [join(folder, "a.txt"), "test-media/json/up.txt", "--metadata", "a=b"] },
  open: {},
  "runs list": {},
  "runs show": { words: () => [ids.DEAD ?? ""] },
  "runs cancel": { words: async () => [await heldRun(), "--reason", "json"] },
  "archive show": {},
  "archive expired": {},
  "pipelines list": {},
  "pipelines show": { words: () => ["echo"] },
  "pipelines pause": { words: () => ["reader", "--reason", "json"] },
  "pipelines resume": { words: () => ["echo"] },
  versions: { words: () => ["echo"] },
  items: { words: () => ["echoes"] },
  "keys create": { words: () => ["--name", "json", "--scope", "read", "invoke"] },
  "keys list": {},
  "keys rotate": { words: () => ["json"] },
  "keys revoke": { words: () => ["json"], codes: [2] },
  "audit-log": {},
  bench: {},
  deploy: { elsewhere: ["test/deploy/deploy.test.ts", "JSON.parse(stdout)"] },
  compare: { elsewhere: ["test/e2e/release.test.ts", '"--max-drift", "2", "--json"'] },
  rollback: { elsewhere: ["test/deploy/deploy.test.ts", '"--yes", "--commit", "--json"'] },
  preview: { words: () => ["--base", "HEAD"] },
  doctor: { codes: [0, 1] },
  whoami: {},
  search: { words: () => ["echoes", "hello"] },
  eval: { elsewhere: ["test/e2e/mcp.test.ts", '"eval", "image_catalog", "--json"'] },
  reindex: { words: () => ["echoes"] },
  mcp: { elsewhere: ["test/e2e/mcp.test.ts", "StdioClientTransport"] },
  "erase objects": { words: () => ["--connection", "conn_media", "--prefix", "json/", "--plan"] },
  "erase receipt": { words: () => ["era_0"], codes: [4] },
  "erase verify": { words: () => [join(folder, "a.txt")], codes: [1] },
  "ledger show": {},
  "ledger grow": { words: () => ["2"], codes: [0, 2] },
  "models add": { elsewhere: ["test/cli/models.test.ts", '"add"'] },
  "models list": {},
  "models check": { codes: [0, 1] },
  "models remove": { words: () => ["nobody/nothing"], codes: [4] },
  completion: { words: () => ["fish"] },
  reference: {},
};

test("every command is in the table", async () => {
  const { commands } = JSON.parse((await run(["reference", "--json"])).stdout) as {
    commands: { command: string }[];
  };
  const names = commands.map(({ command }) => command.replace(/^weir ?/, ""));
  const leaves = names.filter((name) => name && !names.some((other) => other.startsWith(`${name} `)));
  expect(Object.keys(TABLE).sort(), "give a new command a row in test/e2e/cli-json.test.ts").toEqual(
    leaves.sort(),
  );
});

describe("--json", () => {
  test.each(Object.entries(TABLE))(
    "of weir %s is JSON on stdout, and nothing else is",
    async (command, row) => {
      if (row.elsewhere) {
        const [file, words] = row.elsewhere;
        return expect(readFileSync(join(packageRoot, file), "utf8")).toContain(words);
      }
      const root = row.alone ? project() : ROOT;
      const ended = await run([
        "--root",
        root,
        ...command.split(" "),
        ...((await row.words?.()) ?? []),
        "--json",
      ]);
      expect(row.codes ?? [0], ended.stderr).toContain(ended.code);
      // Used wrongly, or for what is not there, there is no answer.
      const hasAnswer = ended.code !== 2 && (row.codes?.includes(0) ?? true);
      if (hasAnswer) expect(JSON.parse(ended.stdout)).toBeTypeOf("object");
      else expect(ended.stdout).toBe("");
      expect(ended.stderr).not.toMatch(/^[{[]/m);
    },
  );
});

describe("keys", () => {
  const keyWith = async (...scopes: string[]) => {
    const { code, stdout, stderr } = await run(["keys", "create", "--name", "tester", "--scope", ...scopes]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^weirkey_[0-9a-f]{48}\n$/);
    expect(stderr).toContain("not shown again");
    expect(stderr).not.toContain("weirkey_");
    return stdout.trim();
  };

  test("that lack the scope end the command with 3, and name it", async () => {
    const WEIR_KEY = await keyWith("read");
    expect((await run(["pipelines"], { WEIR_KEY })).code).toBe(0);
    const ended = await run(["pipelines", "pause", "echo", "--reason", "no"], { WEIR_KEY });
    expect(ended).toMatchObject({ code: 3, stdout: "" });
    expect(ended.stderr).toContain("lacks the scope operate");
    expect(ended.stderr).toContain("weir keys create --name NAME --scope operate");
    expect(ended.stderr).not.toContain(WEIR_KEY);
  });

  test("are told by whoami with what they may do, never as they are", async () => {
    const WEIR_KEY = await keyWith("invoke");
    const { code, stdout } = await run(["whoami"], { WEIR_KEY });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^known as +tester \(key_\w+\), may invoke; does not expire/m);
    expect(stdout).toContain("WEIR_KEY in the environment");
    expect(stdout).not.toContain(WEIR_KEY);
    expect((await run(["whoami"], { WEIR_KEY: "wrong" })).code).toBe(3);
  });

  test("of one name are told apart by their id, and one that is not there is 4", async () => {
    const twice = await run(["keys", "revoke", "tester"]);
    expect(twice.code).toBe(2);
    expect(twice.stderr).toMatch(/key_\w+ \(live\), key_\w+ \(live\)/);
    expect((await run(["keys", "revoke", "nobody"])).code).toBe(4);
    expect((await run(["keys", "create", "--name", "a", "--scope", "read", "--expires", "soon"])).code).toBe(
      2,
    );
    expect((await run(["keys", "create", "--name", "a", "--scope", "admin"])).code).toBe(2);
  });

  test("and what was done with them are listed", async () => {
    const { stdout } = await run(["keys"]);
    expect(stdout).toMatch(/^key_\w+ +tester +weirkey_\w{4}… +invoke +live +never /m);
    const log = await run(["audit-log", "--action", "key.create"]);
    expect(log.stdout).toMatch(/ root +key.create +key_\w+ +done 201 +name=tester scopes=invoke$/m);
    expect((await run(["audit-log", "--target", "none"])).stderr).toContain("No such change");
  });
});
