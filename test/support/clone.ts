// The project as somebody has cloned it, in a folder of its own with a git history of one commit, and `weir dev`
// run in it as they would: for tests of what the docs tell them to type.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { packageRoot } from "../../cli/project/project.ts";
import type { Connections } from "../../src/shapes/connection.ts";

const LEFT = new Set(["node_modules", ".git", ".weir", ".wrangler", "test", "coverage"]);

export interface Clone {
  root: string;
  /** For a shell: `weir` and `npm` on PATH, and nothing of this machine's own settings. */
  env: Record<string, string | undefined>;
  remove(): void;
}

/** A copy with these connections besides its own. */
export function clone(connections: Connections["connections"] = {}): Clone {
  const home = realpathSync(mkdtempSync(join(tmpdir(), "weir-clone-")));
  const [root, bin] = [join(home, "weir"), join(home, "bin")];
  mkdirSync(root);
  for (const name of readdirSync(packageRoot).filter((it) => !LEFT.has(it)))
    cpSync(join(packageRoot, name), join(root, name), { recursive: true });
  symlinkSync(join(packageRoot, "node_modules"), join(root, "node_modules"));
  const file = join(root, "connections.json");
  const own = JSON.parse(readFileSync(file, "utf8")) as Connections;
  writeFileSync(
    file,
    JSON.stringify({ ...own, connections: { ...own.connections, ...connections } }, null, 2),
  );
  mkdirSync(bin);
  writeFileSync(
    join(bin, "weir"),
    `#!/bin/sh\nexec '${process.execPath}' '${join(root, "cli/bin.mjs")}' "$@"\n`,
  );
  chmodSync(join(bin, "weir"), 0o755);
  const env = {
    PATH: `${bin}:${join(root, "node_modules/.bin")}:${process.env.PATH}`,
    HOME: home,
    NO_COLOR: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
  };
  const git = (...args: string[]) =>
    spawnSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], { cwd: root, env });
  git("init", "-q", "-b", "main");
  git("add", "-A");
  git("commit", "-qm", "cloned");
  git("update-ref", "refs/remotes/origin/main", "HEAD");
  return { root, env, remove: () => rmSync(home, { recursive: true, force: true }) };
}

export interface Running {
  url: string;
  /** What .weir/dev.env holds. */
  secrets: Record<string, string>;
  /** What it has said so far, on stderr. */
  said(): string;
  stop(): Promise<void>;
}

/** `weir dev` on a free port, once it says where it listens. */
export async function dev({ root, env }: Clone): Promise<Running> {
  const words = [join(root, "cli/bin.mjs"), "dev", "--port", "0", "--json"];
  const child = spawn(process.execPath, words, { cwd: root, env, detached: true });
  let [stdout, stderr] = ["", ""];
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = once(child, "exit");
  const said = new Promise<{ url: string }>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (stdout.trimEnd().endsWith("}")) resolve(JSON.parse(stdout) as { url: string });
    });
    void ended.then(() => reject(new Error(`weir dev has ended: ${stderr}`)));
  });
  const { url } = await said;
  const path = join(root, ".weir/dev.env");
  const secrets = existsSync(path) ? (parseEnv(readFileSync(path, "utf8")) as Record<string, string>) : {};
  return {
    url,
    secrets,
    said: () => stderr,
    async stop() {
      child.kill("SIGINT");
      await ended;
    },
  };
}
