// `weir replay`, `audit`, `dead-letters` and `pipelines` as people run them, against the whole stack.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeadLetter, Replay } from "../../cli/operate/client.ts";
import { auditText, replaysText, replayText } from "../../cli/operate/replay-text.ts";
import { type CreateFlags, replayRequest } from "../../cli/operate/selection.ts";
import { packageRoot } from "../../cli/project/project.ts";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
const root = mkdtempSync(join(tmpdir(), "weir-operate-"));
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(async () => {
  rmSync(root, { recursive: true, force: true });
  await weir?.close();
});

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}
const bin = join(packageRoot, "cli/bin.mjs");
const run = (args: string[], env: Record<string, string> = {}) =>
  new Promise<Ended>((resolve) => {
    const options = {
      env: {
        ...process.env,
        XDG_CONFIG_HOME: root,
        NO_COLOR: "1",
        FORCE_COLOR: "0",
        WEIR_URL: weir.base,
        WEIR_API_KEY: API_KEY,
        ...env,
      },
    };
    execFile(process.execPath, [bin, "--root", root, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
const told = <T>({ stdout }: Ended) => JSON.parse(stdout) as T;

describe("weir replay", () => {
  test("is planned, run to its end, listed and shown", async () => {
    await Promise.all(
      ["a", "b", "c"].map((name) => weir.put("test-media", `cli/${name}.txt`, name, { color: name })),
    );
    const what = ["replay", "create", "--alias", "echo", "--select", "listing", "--prefix", "cli/"];
    const plan = await run([...what, "--dry-run"]);
    expect(plan).toMatchObject({ code: 0, stderr: "✓ Planned; nothing was run.\n" });
    expect(plan.stdout).toMatch(/^plan +3 objects, 3 B; 0 passed over$/m);
    expect(plan.stdout).toMatch(/^selected +echo +test-media\/cli\/b.txt$/m);
    expect(await weir.items("echoes", "cli/a.txt")).toEqual([]);

    const narrowed = [...what, "--filter", '{"color":["a","b"]}'];
    const done = await run([...narrowed, "--wait", "--json"]);
    expect(done.code).toBe(0);
    const replay = told<Replay>(done);
    expect(replay).toMatchObject({ status: "done", progress: { planned: 2, succeeded: 2, open: 0 } });
    expect(await weir.items("echoes", "cli/a.txt")).toHaveLength(1);

    const [list, shown] = await Promise.all([
      run(["replay", "list", "--limit", "2"]),
      run(["replay", "show", replay.id]),
    ]);
    expect(list.stdout).toMatch(new RegExp(`^${replay.id} +done +2 of 2, 2 succeeded`, "m"));
    expect(list.stdout.trim().split("\n")).toHaveLength(3);
    expect(shown.stdout).toContain('listing prefix cli/ filter {"color":["a","b"]} → echo');
  });

  test("is cancelled, and then no longer resumed; created twice with one key, it is one", async () => {
    const what = ["replay", "create", "--alias", "echo", "--select", "listing", "--json"];
    const twice = [
      await run([...what, "--idempotency-key", "cli-1"]),
      await run([...what, "--idempotency-key", "cli-1"]),
    ].map((ended) => told<Replay>(ended).id);
    expect(twice[0]).toBe(twice[1]);
    const other = told<Replay>(await run([...what, "--prefix", "none/"]));
    const moved = await run(["replay", "cancel", other.id, "--json"]);
    // An empty one may have ended before.
    if (moved.code === 0) expect(told<Replay>(moved).status).toBe("cancelled");
    expect(await run(["replay", "resume", other.id])).toMatchObject({ code: 1 });
  });
});

test("weir audit exits 1 with what differs, repairs just that, and then agrees", async () => {
  await weir.put("test-media", "drift/missing.txt", "x");
  const ask = ["audit", "echo", "--prefix", "drift/"];
  const found = await run(ask);
  expect(found.code).toBe(1);
  expect(found.stdout).toMatch(/^missing +1 /m);
  expect(found.stdout).toMatch(/^orphaned +0 /m);
  expect(found.stdout).toMatch(/^missing +echo +test-media\/drift\/missing.txt$/m);
  expect(found.stderr).toContain("Run the differing objects with --repair.");
  expect(await run([...ask, "--repair", "--json"])).toMatchObject({ code: 0 });
  expect(await weir.items("echoes", "drift/missing.txt")).toHaveLength(1);
  expect(await run(ask)).toMatchObject({
    code: 0,
    stderr: "✓ echo agrees with its bucket: 1 object.\n",
  });
});

test("weir audit --repair removes most of a collection only by --force", async () => {
  const keys = ["awkward/emptied/a.txt", "awkward/emptied/b.txt"];
  for (const key of keys) await weir.notifyR2(await weir.put("test-media", key, "x"));
  for (const key of keys)
    await weir.until(
      () => weir.items("read-r2", key),
      (items) => items.length === 1,
    );
  for (const key of keys) await weir.remove("test-media", key);
  const ask = ["audit", "r2-reader", "--repair", "--prefix", "awkward/emptied/"];
  const stopped = await run(ask);
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toMatch(/would remove the items of 2 of \d+ objects of r2-reader.*`force`/);
  expect(await weir.items("read-r2", "awkward/emptied/a.txt")).toHaveLength(1);
  expect((await run([...ask, "--force"])).code).toBe(0);
  expect(await weir.items("read-r2", "awkward/emptied/a.txt")).toEqual([]);
});

test("weir dead-letters groups by cause, redrives by pipeline, and drops by run", async () => {
  const keys = ["dead/a.bin", "dead/b.bin"];
  for (const key of keys) await weir.notifyR2(await weir.put("test-media", key, "x", { broken: "yes" }));
  const letters = (count: number) =>
    weir.until(
      () => weir.read<{ data: DeadLetter[] }>("/v1/dead-letters?alias=always-throws"),
      ({ data }) => data.length === count,
    );
  await letters(2);
  const grouped = await run(["dead-letters", "list", "--group"]);
  expect(grouped.stdout).toMatch(/^2 +always-throws +handler_failed: .*cannot read the bug of <key>/m);
  const listed = await run(["dead-letters", "list", "--alias", "echo"]);
  expect(listed).toMatchObject({ code: 0, stdout: "", stderr: "There are no dead letters.\n" });

  const redriven = await run(["dead-letters", "redrive", "--alias", "always-throws"]);
  expect(redriven).toMatchObject({ code: 0, stderr: "✓ 2 dead letters redriven.\n" });
  expect(redriven.stdout.trim().split("\n")).toHaveLength(2);
  const { data } = await letters(2);
  const ids = data.map(({ run_id }) => run_id);
  expect(await run(["dead-letters", "drop", "--run", ...ids, "--reason", "known", "--json"])).toMatchObject({
    code: 0,
    stdout: '{\n  "dropped": 2\n}\n',
  });
  await letters(0);
});

test("weir pipelines shows who is paused and why, until resumed", async () => {
  expect(await run(["pipelines", "pause", "echo", "--reason", "a release"])).toMatchObject({ code: 0 });
  const listed = await run(["pipelines"]);
  expect(listed.stdout).toMatch(/^echo +[0-9a-f]+ .*conn_items echoes.*: a release$/m);
  expect(listed.stdout).toMatch(/^reader .* running$/m);
  const resumed = await run(["pipelines", "resume", "echo", "--json"]);
  expect(told(resumed)).toEqual({ alias: "echo", paused: false, reason: null });
});

test.each([
  ["used wrongly: no choice", 2, ["dead-letters", "redrive"], "--run, --alias, --kind or --all"],
  [
    "used wrongly: flags apart",
    2,
    ["replay", "create", "--select", "stale", "--prefix", "a"],
    "takes no such options",
  ],
  ["used wrongly: no such way", 2, ["replay", "create", "--select", "all"], "Allowed choices"],
  [
    "used wrongly: a bad filter",
    2,
    ["replay", "create", "--select", "stale", "--filter", '{"a":[{"prefx":1}]}'],
    "prefx",
  ],
  ["not there: a pipeline", 4, ["audit", "nope"], "there is no pipeline nope"],
  ["not there: a replay", 4, ["replay", "show", "rpl_nope"], "there is no replay"],
])("%s exits %i", async (_, code, args, said) => {
  const ended = await run(args);
  expect(ended).toMatchObject({ code, stdout: "" });
  expect(ended.stderr).toContain(said);
});

test("without a key, or with a wrong one, exits 3", async () => {
  const [none, wrong] = await Promise.all([
    run(["pipelines"], { WEIR_API_KEY: "" }),
    run(["pipelines"], { WEIR_API_KEY: "wrong" }),
  ]);
  expect(none).toMatchObject({ code: 3, stdout: "" });
  expect(none.stderr).toContain("There is no API key");
  expect(wrong).toMatchObject({ code: 3, stdout: "" });
});

describe("what to replay", () => {
  const request = (flags: CreateFlags) => replayRequest(root, flags, Date.parse("2026-11-23T12:00:00Z"));

  test.each<[string, CreateFlags, object]>([
    ["stale", { select: "stale" }, { kind: "stale" }],
    [
      "events by span",
      { select: "events", since: "12h" },
      { kind: "events", since: "2026-11-23T00:00:00.000Z" },
    ],
    [
      "events by time and status",
      { select: "events", until: "2026-11-20", status: "dead" },
      { kind: "events", until: "2026-11-20T00:00:00.000Z", status: "dead" },
    ],
    [
      "produced by a commit",
      { select: "produced-by", commit: "abc" },
      { kind: "produced_by", commit: "abc" },
    ],
  ])("%s is asked as the API has it", (_, flags, select) => {
    expect(request(flags)).toEqual({ select, dry_run: false });
  });

  test.each<[string, CreateFlags]>([
    ["neither a time nor a span", { select: "events", since: "yesterday" }],
    ["expected a version, a commit or a model", { select: "produced-by" }],
    ["takes --prefix", { select: "drift", since: "1d" }],
    ["The filter is not JSON", { select: "stale", filter: "{x" }],
  ])("is refused with: %s", (said, flags) => {
    expect(() => request(flags)).toThrow(said);
  });
});

describe("as text", () => {
  const of = { bytes: 1, replaces: { objects: 0, items: 0 } };
  const replay: Replay = {
    id: "rpl_1",
    status: "active",
    phase: "running",
    request: {
      select: { kind: "drift", prefix: "a/" },
      aliases: ["one", "two"],
      dry_run: false,
      budget_usd: 5,
    },
    plan: {
      objects: 3,
      bytes: 12_345_678,
      by_why: { missing: 2, out_of_date: 1 },
      passed_over: 9,
      sample: [{ alias: "one", bucket: "b", key: "a/line\nbreak", why: "out_of_date" }],
      replaces: { objects: 1, items: 7 },
      seconds: null,
      cost: null,
      pipelines: {
        one: { ...of, objects: 2, handled: 2, seconds: 240, basis: "120 s each, the mean of 5 past runs" },
        two: { ...of, objects: 1, handled: 1, seconds: null, basis: "none of its last 1000 runs succeeded" },
      },
    },
    spent_usd: 0.01234,
    progress: {
      planned: 3,
      enqueued: 3,
      open: 1,
      succeeded: 1,
      skipped: 0,
      dead: 1,
      cancelled: 0,
      per_second: 2,
      seconds_left: 4,
    },
    created_at: "2026-11-23T12:00:00.000Z",
    ended_at: null,
  };

  test("a replay tells its plan, its reasons, its progress and a sample", () => {
    expect(replayText(replay).split("\n")).toEqual([
      "rpl_1     running",
      "request   drift prefix a/ → one, two",
      "plan      3 objects, 12.3 MB (2 missing, 1 out of date); 9 passed over",
      "replaces  7 items of 1 object",
      "time      about 4 min for one: 120 s each, the mean of 5 past runs",
      "time      unknown for two: none of its last 1000 runs succeeded",
      "cost      unknown, since no run of the last 30 days was measured for one",
      "cost      unknown, since no run of the last 30 days was measured for two",
      "progress  2 of 3, 1 succeeded, 1 dead, 1 under way, 2/s, 4 s left",
      "spent     $0.0123 of its budget of $5",
      "created   2026-11-23T12:00:00.000Z",
      "",
      "why          pipeline  object",
      "out of date  one       b/a/line\\nbreak",
      "and 2 more",
    ]);
  });

  test("an audit counts each kind of difference, and a list has a line for each replay", () => {
    expect(auditText(replay)).toContain("out of date  1");
    expect(replaysText([replay, replay]).split("\n")).toHaveLength(3);
  });
});
