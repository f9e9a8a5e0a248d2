// Python handlers kept apart: what one of them tries on another's secrets and on the machine, with the real python3 in
// the sandbox that this machine allows.
import { randomUUID } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { ownFolder } from "../../workers/compute/server/python/interpreter.ts";
import { PythonRuns } from "../../workers/compute/server/python/runs.ts";
import { findPython, findSandbox } from "../../workers/compute/server/python/sandbox.ts";
import { begin, hasProc, hasPython, marked } from "./given.ts";

const runs = new PythonRuns({ size: 4, memory: 300 * 1024 * 1024 });
afterAll(() => runs.close());

const kind = await kindHere();
if (kind === "none")
  console.log("skipped: what a handler sees of others, because no sandbox can be had here");

async function kindHere() {
  const python = await findPython();
  const { folder, uid } = ownFolder(process.getuid?.() === 0);
  const found = python ? (await findSandbox(python, folder, uid)).kind : "none";
  rmSync(folder, { recursive: true });
  return found;
}

const data = (turn: { items?: unknown[] }) =>
  ((turn.items ?? [])[0] as { data: Record<string, unknown> } | undefined)?.data;

describe.skipIf(!hasPython || kind === "none")("a handler", () => {
  const SNOOP = `
      import os
      def handler(event):
        seen = []
        for pid in os.listdir("/proc"):
          for name in ("environ", "cmdline", "maps"):
            try: text = open(f"/proc/{pid}/{name}", "rb").read()
            except OSError: continue
            if any(word.encode() in text for word in event["words"]): seen.append(f"{pid}/{name}")
        return {"seen": seen, "me": os.getuid()}`;

  test("reads neither another pipeline's secrets nor the server's out of /proc", async () => {
    const secret = `planted-${randomUUID()}`;
    const waits = "from mixpeek import FileTools\ndef handler(event): FileTools.image_info('u')";
    const other = await begin(runs, waits, { pipeline: "other", env: { API_KEY: secret } });
    expect(marked(secret).length).toBeGreaterThan(0);
    const words = [secret, "COMPUTE_TOKEN=", String(process.env.COMPUTE_TOKEN)];
    const { first } = await begin(runs, SNOOP, { pipeline: "snoop", event: { words } });
    expect(data(first)).toMatchObject({ seen: [] });
    await other.end();
  });

  test("reads no file that another has written, and leaves none outside its folder", async () => {
    const writes = `
      import os
      from mixpeek import FileTools
      def handler(event):
        open("mine.txt", "w").write("mine")
        FileTools.image_info(os.getcwd())`;
    const other = await begin(runs, writes, { pipeline: "writes" });
    const folder = (other.first.call as { file_url: string }).file_url;
    const reads = `
      def handler(event):
        try: return {"read": open(event["path"]).read()}
        except OSError as error: return {"read": None}`;
    const { first } = await begin(runs, reads, { pipeline: "reads", event: { path: `${folder}/mine.txt` } });
    expect(readFileSync(`${folder}/mine.txt`, "utf8")).toBe("mine");
    expect(data(first)).toEqual({ read: null });
    await other.end();
  });
});

describe.skipIf(!hasPython || !hasProc)("what a handler starts", () => {
  test("ends with its run, even where it has left its parent, its session and its group", async () => {
    const mark = randomUUID();
    const source = `
      import os, time
      def handler(event):
        if event.get("daemon") and os.fork() == 0:
          os.setsid()
          if os.fork() == 0:
            time.sleep(60)
          os._exit(0)
        return {"pid": os.getpid()}`;
    const ask = (event = {}) => begin(runs, source, { pipeline: "daemon", env: { MARK: mark }, event });
    expect((await ask({ daemon: true })).first.done).toBe(true);
    await expect.poll(() => marked(mark), { timeout: 10_000 }).toEqual([]);
    expect((await ask()).first.done).toBe(true);
  });

  test("is bounded in number: one that forks on and on is ended, with all of them", async () => {
    const mark = randomUUID();
    const source = `
      import os, time
      def handler(event):
        for n in range(300):
          try: child = os.fork()
          except OSError: break
          if child == 0:
            time.sleep(60)
            os._exit(0)
        time.sleep(60)`;
    const { first } = await begin(runs, source, { pipeline: "forks", env: { MARK: mark } });
    expect(first.failure).toMatchObject({ kind: "handler_failed" });
    expect(first.failure?.detail).toMatch(/^The handler had \d+ processes and was ended\.$/);
    await expect.poll(() => marked(mark), { timeout: 10_000 }).toEqual([]);
  });

  test("is bounded in memory: one alone is refused more, and many together are ended", async () => {
    const alone = "def handler(event): return {'n': len(bytearray(2**30))}";
    const { first } = await begin(runs, alone, { pipeline: "alone" });
    expect(first.failure).toMatchObject({ kind: "handler_failed", detail: "MemoryError" });
    const source = `
      import os, time
      def handler(event):
        for n in range(4):
          if os.fork() == 0:
            held = b"x" * (120 * 2**20)
            time.sleep(60)
        time.sleep(60)`;
    const together = await begin(runs, source, { pipeline: "together" });
    expect(together.first.failure?.detail).toBe(
      "The handler and its processes held over 300 MB and were ended.",
    );
  });
});
