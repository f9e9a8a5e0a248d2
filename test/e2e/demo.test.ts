// `npm start` as somebody runs it twice: it ends with the page in the browser, at a question that has an answer; what it
// stored is kept, and so is its port. A program of the test stands in for the browser.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { freePort } from "../../cli/io/ports.ts";
import { packageRoot } from "../../cli/project/project.ts";
import { killTree } from "../support/processes.ts";

const folder = mkdtempSync(join(tmpdir(), "weir-demo-"));
const opened = join(folder, "opened");
let running: ChildProcess | undefined;
afterAll(() => {
  if (running?.pid !== undefined) killTree(running.pid);
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the demo and resolves with all that it has said when it stays up. */
async function start(port: number, ...flags: string[]): Promise<string> {
  const { CI: _, SSH_CONNECTION: __, ...env } = process.env;
  const words = ["demo", "--port", String(port), "--persist", join(folder, "kept"), ...flags];
  const child = spawn(process.execPath, [join(packageRoot, "cli/bin.mjs"), ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...env, NO_COLOR: "1", FORCE_COLOR: "0", DISPLAY: ":0", PATH: `${folder}${delimiter}${env.PATH}` },
  });
  running = child;
  let said = "";
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (said.includes("begins anew")) resolve();
      });
    child.once("exit", (code) => reject(new Error(`the demo ended with ${code}:\n${said}`)));
  });
  return said;
}
async function stop(): Promise<void> {
  running?.kill("SIGINT");
  if (running) await once(running, "exit");
  running = undefined;
}

test.skipIf(process.platform !== "linux")(
  "the page opens at an answered question, its key is not printed, and a second start keeps all of it",
  async () => {
    writeFileSync(join(folder, "xdg-open"), `#!/bin/sh\nprintf %s "$1" > ${opened}\n`);
    chmodSync(join(folder, "xdg-open"), 0o755);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const first = await start(port);
    expect(first).toContain("The page is open in the browser");
    const page = new URL(readFileSync(opened, "utf8"));
    expect(page.origin).toBe(url);
    const fragment = new URLSearchParams(page.hash.slice(1));
    const key = fragment.get("key") ?? "";
    expect(key).not.toBe("");
    expect(first).not.toContain(key);
    const [, collection, query] = /^#\/collections\/(\w+)\?(.*)$/.exec(fragment.get("to") ?? "") ?? [];
    const { q, filter = "" } = Object.fromEntries(new URLSearchParams(query));
    const answer = await fetch(`${url}/v1/collections/${collection}/search`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ text: q, filter: JSON.parse(filter) }),
    });
    expect(((await answer.json()) as { hits: unknown[] }).hits.length).toBeGreaterThan(0);
    await stop();

    const second = await start(port, "--no-open");
    expect(second.match(/is here from an earlier start/g)).toHaveLength(3);
    expect(second).toContain(`${url}/#key=`);
    expect(second).not.toContain("is taken");
    await stop();
  },
  300_000,
);
