// A project of its own in a git repository, worked on by the real `weir` command: `weir dev` starts the real local
// stack on it. Speaks as a person at a terminal would: weir, git, edit, settled.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseEnv } from "node:util";
import { packageRoot } from "../../cli/project/project.ts";
import { change, type Files } from "../cli/support/given.ts";

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

const bin = join(packageRoot, "cli/bin.mjs");

export type Repository = ReturnType<typeof repository>;

/** A repository of these files, committed; `weir` is what `npm install` would have linked. */
export function repository(files: Files) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "weir-project-")));
  change(root, files);
  mkdirSync(join(root, "node_modules"));
  symlinkSync(packageRoot, join(root, "node_modules/weir"));
  let dev: ChildProcess | undefined;
  let url = "";
  let said = "";

  const git = (...args: string[]): string => {
    const who = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
    const { status, stdout, stderr } = spawnSync("git", [...who, ...args], { cwd: root, encoding: "utf8" });
    if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  };
  const commit = (subject: string): string => {
    git("add", "-A");
    git("commit", "-qm", subject);
    return git("rev-parse", "HEAD");
  };
  const env = () => ({
    ...process.env,
    XDG_CONFIG_HOME: join(root, ".weir"),
    NO_COLOR: "1",
    FORCE_COLOR: "0",
    // As a person's own git would have them.
    ...{ GIT_AUTHOR_NAME: "A", GIT_AUTHOR_EMAIL: "a@example.com" },
    ...{ GIT_COMMITTER_NAME: "A", GIT_COMMITTER_EMAIL: "a@example.com" },
    ...(url && { WEIR_URL: url }),
  });
  const weir = async (...args: string[]): Promise<Ran> => {
    const stdio: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];
    const child = spawn(process.execPath, [bin, ...args], { cwd: root, env: env(), stdio });
    const ran = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].setEncoding("utf8").on("data", (text: string) => {
        ran[name] += text;
      });
    const [code] = (await once(child, "close")) as [number | null];
    return { code, ...ran };
  };
  const read = async <T>(path: string): Promise<T> => {
    const key = parseEnv(readFileSync(join(root, ".weir/dev.env"), "utf8")).WEIR_API_KEY;
    const response = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const until = async <T>(
    ask: () => Promise<T>,
    isSo: (value: T) => boolean,
    withinMs = 60_000,
  ): Promise<T> => {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const value = await ask().catch((error: unknown) => error as Error);
      if (!(value instanceof Error) && isSo(value)) return value;
      if (Date.now() > deadline)
        throw new Error(
          `it never came to that; last seen: ${JSON.stringify(value, null, 1)}; ${value}\n${said}`,
        );
      await pause(100);
    }
  };

  return {
    root,
    git,
    commit,
    url: () => url,
    weir,
    read,
    until,
    /** The command, which must succeed; its `--json`. */
    async told<T>(...args: string[]): Promise<T> {
      const { code, stdout, stderr } = await weir(...args, "--json");
      if (code !== 0) throw new Error(`weir ${args.join(" ")} ended with ${code}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
    edit: (changed: Files) => change(root, changed),
    text: (path: string) => readFileSync(join(root, path), "utf8"),
    /** Starts `weir dev` and waits until it listens. */
    async dev(): Promise<void> {
      const stdio: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];
      const child = spawn(process.execPath, [bin, "dev", "--port", "0"], { cwd: root, env: env(), stdio });
      dev = child;
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (text: string) => {
          said = (said + text).slice(-20_000);
        });
      await until(
        async () => /Weir listens on (\S+)/.exec(said)?.[1],
        (found) => {
          if (child.exitCode !== null) throw new Error(`weir dev ended with ${child.exitCode}:\n${said}`);
          url = found ?? "";
          return found !== undefined;
        },
        100_000,
      );
    },
    /** Ctrl-C, and the folder away. */
    async close(): Promise<void> {
      if (dev && dev.exitCode === null) {
        dev.kill("SIGINT");
        await once(dev, "exit");
      }
      rmSync(root, { recursive: true, force: true });
    },
  };
}
