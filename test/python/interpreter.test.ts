// The interpreters behind Python handlers: how a run may fail, and what that means for the next one.
import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HandlerTurn } from "../../workers/compute/server/python/interpreter.ts";
import { PythonRuns } from "../../workers/compute/server/python/runs.ts";
import { HEADERS } from "../compute/source.ts";
import { begin, hasProc, hasPython, marked } from "./given.ts";

const runs = new PythonRuns({ size: 4, memory: 2 ** 31 });
afterAll(() => runs.close());

/** What a process is at, as `ps` says it: R running, S sleeping, Z ended and not yet asked about. */
function state(pid = ""): string {
  try {
    return execFileSync("ps", ["-o", "stat=", "-p", pid], { encoding: "utf8" }).trim();
  } catch {
    return "";
  }
}

describe.skipIf(!hasPython)("an exception", () => {
  test("becomes the failure, with a traceback of the handler's own lines and no paths", async () => {
    const { first } = await begin(
      runs,
      `
      import json
      def pick(text):
        return json.loads(text)
      def handler(event):
        return [pick("{")]`,
    );
    expect(first.failure?.kind).toBe("handler_failed");
    expect(first.failure?.detail).toMatch(/^JSONDecodeError: Expecting property name/);
    expect(first.failure?.where).toMatch(
      /^File "handler.py", line 5, in handler\n {2}return \[pick\("\{"\)\]\nFile "handler.py", line 3, in pick\n/,
    );
    expect(JSON.stringify(first)).not.toMatch(/compute\/server|site-packages|"\/|\/usr|\/tmp/);
  });

  test("in a deep recursion is told by its last frames", async () => {
    const { first } = await begin(runs, "def handler(event): return handler(event)");
    expect(first.failure?.detail).toMatch(/^RecursionError/);
    expect(first.failure?.where?.split("\n").length).toBeLessThanOrEqual(16);
  });

  test.each([
    ["a package that is not installed", "import nosuchpackage", /'nosuchpackage': it is not installed/],
    ["a name that mixpeek does not have", "from mixpeek import Nothing", /cannot import name 'Nothing'/],
    ["a syntax error", "def handler(event) return 1", /^SyntaxError/],
    ["no function handler", "x = 1", /has no function handler/],
  ])("of %s is a dead letter at once", async (_, source, detail) => {
    const { first } = await begin(runs, source);
    expect(first.failure).toMatchObject({ kind: "bad_handler", detail: expect.stringMatching(detail) });
    expect(JSON.stringify(first.failure)).not.toContain("compute/server");
  });

  test("that exits is a failure like any other, and the interpreter goes on", async () => {
    const source = `
      import os, sys
      def handler(event):
        if event.get("exit"): sys.exit(3)
        return {"pid": os.getpid()}`;
    const before = await begin(runs, source, { pipeline: "exits" });
    const exits = await begin(runs, source, { pipeline: "exits", event: { exit: true } });
    expect(exits.first.failure).toMatchObject({ kind: "handler_failed", detail: "SystemExit: 3" });
    const after = await begin(runs, source, { pipeline: "exits" });
    expect(after.first.items).toEqual(before.first.items);
  });
});

describe.skipIf(!hasPython)("an interpreter", () => {
  const source = `
      import os, time
      # Numbers of processes mean nothing outside of a sandbox.
      me = os.urandom(8).hex()
      count = 0
      def handler(event):
        global count
        count += 1
        what = event.get("do")
        print("run", count)
        if what == "loop":
          while True: pass
        if what == "die": os.kill(os.getpid(), 11)
        if what == "child": os.system("sleep 60 & echo started")
        if what == "slow": time.sleep(0.3)
        return {"pid": me, "count": count, "env": sorted(os.environ), "cwd": os.listdir()}`;
  const data = (turn: { items?: unknown[] }) =>
    ((turn.items ?? [])[0] as { data: Record<string, unknown> }).data;

  test("is warm: the next run of the pipeline finds it loaded; a changed handler gets a new one", async () => {
    const started = runs.counts.interpreters;
    const one = data((await begin(runs, source, { pipeline: "warm" })).first);
    const two = data((await begin(runs, source, { pipeline: "warm" })).first);
    expect(two).toMatchObject({ pid: one.pid, count: 2 });
    expect(runs.counts.interpreters).toBe(started + 1);
    const changed = data((await begin(runs, `${source}\n`, { pipeline: "warm" })).first);
    expect(changed.count).toBe(1);
    expect(changed.pid).not.toBe(one.pid);
    const other = data((await begin(runs, source, { pipeline: "other" })).first);
    expect(other.count).toBe(1);
  });

  test("sees an API_KEY and nothing of the server's environment, in an empty folder", async () => {
    const { env, cwd } = data((await begin(runs, source)).first);
    expect(env).toEqual(expect.arrayContaining(["API_KEY", "PATH"]));
    for (const name of env as string[]) {
      expect(["API_KEY", "HOME", "LANG", "LC_CTYPE", "PATH", "PWD", "SHLVL", "TMPDIR", "_"]).toContain(name);
    }
    expect(cwd).toEqual([]);
  });

  test("sees what the pipeline gives its handler; when that changes, it is another one", async () => {
    const source = "import os\ndef handler(event): return {'pid': os.getpid(), 'key': os.getenv('API_KEY')}";
    const given = async (env?: Record<string, string>) =>
      data((await begin(runs, source, { pipeline: "given", ...(env && { env }) })).first);
    const one = await given({ API_KEY: "one" });
    expect(one.key).toBe("one");
    expect(await given({ API_KEY: "one" })).toEqual(one);
    const two = await given({ API_KEY: "two" });
    expect(two.key).toBe("two");
    expect((await given()).key).toBe("weir");
  });

  test("that never ends is killed in time, what it printed is kept, and the next run has a new one", async () => {
    const { first } = await begin(runs, source, {
      pipeline: "loops",
      event: { do: "loop" },
      timeout_ms: 3000,
    });
    expect(first.failure).toMatchObject({ kind: "timeout", detail: expect.stringContaining("3 s") });
    expect(first.log).toEqual(["run 1"]);
    const after = await begin(runs, source, { pipeline: "loops" });
    expect(data(after.first).count).toBe(1);
  });

  test("that crashes costs its run, which is told by what", async () => {
    const { first } = await begin(runs, source, { pipeline: "dies", event: { do: "die" } });
    expect(first.failure).toMatchObject({
      kind: "handler_failed",
      detail: expect.stringContaining("SIGSEGV"),
    });
    expect(first.log[0]).toBe("run 1");
    expect(data((await begin(runs, source, { pipeline: "dies" })).first).count).toBe(1);
  });

  test("that writes into Weir's own pipe is ended, and the server lives", async () => {
    const { first } = await begin(runs, "import os\ndef handler(event): os.write(4, b'null\\n{junk\\n')");
    expect(first.failure).toMatchObject({
      kind: "handler_failed",
      detail: expect.stringContaining("pipe"),
    });
    expect((await begin(runs, "def handler(event): return []")).first.done).toBe(true);
  });

  test.skipIf(!hasProc)(
    "ends with its server, even one that was killed, and even in an endless loop",
    async () => {
      const server = spawn(process.execPath, ["workers/compute/server/main.ts"], {
        env: { ...process.env, PORT: "0" },
        stdio: ["ignore", "pipe", "ignore"],
      });
      const [listening] = (await once(server.stdout, "data")) as [Buffer];
      const url = `http://127.0.0.1:${(JSON.parse(String(listening)) as { listening: number }).listening}`;
      const post = async (body: object) => {
        const response = await fetch(`${url}/v1/python`, {
          method: "POST",
          headers: HEADERS,
          body: JSON.stringify(body),
        });
        return (await response.json()) as HandlerTurn;
      };
      const source = `
import os
from mixpeek import FileTools
def handler(event):
  FileTools.image_info(os.getcwd())
  while True: pass`;
      const run = randomUUID();
      const mark = randomUUID();
      const start = { pipeline: "films", source, event: {}, env: { MARK: mark }, timeout_ms: 60_000 };
      const { call } = await post({ run, turn: 1, start });
      const folder = (call as { file_url: string }).file_url;
      expect(marked(mark).length).toBeGreaterThan(0);
      void post({ run, turn: 2, answer: { value: {} } }).catch(() => {});
      await expect
        .poll(() => marked(mark).map(state), { timeout: 10_000 })
        .toContainEqual(expect.stringMatching(/^R/));
      server.kill("SIGKILL");
      await expect.poll(() => marked(mark), { timeout: 10_000 }).toEqual([]);
      // In a sandbox the folder itself is not its own to remove.
      expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([]);
    },
  );

  test.skipIf(!hasProc)("takes what it started with it when it is killed", async () => {
    const mark = randomUUID();
    const { first } = await begin(
      runs,
      `
      import subprocess, time
      def handler(event):
        subprocess.Popen(["sleep", "60"])
        print("started")
        time.sleep(60)`,
      { timeout_ms: 3000, env: { MARK: mark } },
    );
    expect(first).toMatchObject({ failure: { kind: "timeout" }, log: ["started"] });
    await expect.poll(() => marked(mark), { timeout: 10_000 }).toEqual([]);
  });

  test("serves as many runs at once as are allowed; beyond that they are sent away for a while", async () => {
    const busy = await Promise.all(
      Array.from({ length: 4 }, () =>
        begin(runs, "from mixpeek import FileTools\ndef handler(event): FileTools.image_info('u')"),
      ),
    );
    const start = { pipeline: "films", source: "", event: {}, timeout_ms: 1000, env: {} };
    const fifth = await runs.take({ run: randomUUID(), turn: 1, start });
    expect(fifth).toMatchObject({ ok: false, failure: { kind: "overloaded", retry_after_seconds: 2 } });
    await Promise.all(busy.map(({ end }) => end()));
    expect((await begin(runs, "def handler(event): return []")).first.done).toBe(true);
  });

  test("a turn asked for again gives the same answer; a run that is not known here is to be tried again", async () => {
    const { first, again } = await begin(runs, source, { pipeline: "again" });
    expect(await again()).toEqual(first);
    expect(await runs.take({ run: randomUUID(), turn: 7, answer: {} })).toMatchObject({
      value: { failure: { kind: "unavailable" } },
    });
  });
});

describe("without Python", () => {
  let bare: PythonRuns;
  beforeAll(() => {
    bare = new PythonRuns({ size: 1, memory: 2 ** 31, find: async () => undefined });
  });

  test("the run says that python3 is missing, for good", async () => {
    const start = { pipeline: "films", source: "", event: {}, timeout_ms: 1000, env: {} };
    const result = await bare.take({ run: randomUUID(), turn: 1, start });
    expect(result).toMatchObject({
      ok: false,
      failure: { kind: "bad_handler", detail: "python3 is not installed where compute runs" },
    });
  });

  test("patience: a turn that takes long is told to be under way", async () => {
    if (!hasPython) return;
    const patient = new PythonRuns({ size: 1, memory: 2 ** 31, patienceMs: 20 });
    const start = {
      pipeline: "films",
      source: "import time\ndef handler(event):\n  time.sleep(0.3)\n  return []",
      event: {},
      timeout_ms: 5000,
      env: {},
    };
    const run = randomUUID();
    const first = await patient.take({ run, turn: 1, start });
    expect(first).toEqual({ ok: true, value: { log: [], waiting: true } });
    await expect.poll(async () => patient.take({ run, turn: 1 })).toMatchObject({ value: { done: true } });
    patient.close();
  });
});
