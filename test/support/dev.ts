// `weir dev` as a person runs it, a process of its own over a small project in a temporary folder: for what
// only a whole process can show, being killed and started again. client.ts speaks to it.
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { parseEnv } from "node:util";
import { packageRoot } from "../../cli/project/project.ts";
import { type Client, openClient } from "./client.ts";
import { isAlive, killTree, treeOf } from "./processes.ts";

const TEST_PROJECT = join(packageRoot, "test/project");

export interface Dev {
  /** Speaks to it while it is up. */
  client: Client;
  pid: number;
  url: string;
  /** What it has said so far. */
  said(): string;
  /** SIGKILL to every process of it at the same time. */
  kill(): Promise<void>;
  /** SIGKILL to the command alone; resolves when nothing that it had started is left. */
  killAlone(): Promise<void>;
}

/** A project with these pipelines of test/project and the connections that they name. */
export function devProject(aliases: string[], connections: string[]) {
  const root = mkdtempSync(join(tmpdir(), "weir-dev-"));
  const own = (name: string) => join(root, name);
  const router = readFileSync(join(TEST_PROJECT, "wrangler.toml"), "utf8");
  // Its paths lead to Weir's sources.
  writeFileSync(
    own("wrangler.toml"),
    router.replaceAll("../../src", relative(root, join(packageRoot, "src"))),
  );
  const all = JSON.parse(readFileSync(join(TEST_PROJECT, "connections.json"), "utf8")).connections;
  const named = Object.fromEntries(connections.map((name) => [name, all[name]]));
  writeFileSync(own("connections.json"), JSON.stringify({ connections: named }));
  writeFileSync(own("models.json"), "{}\n");
  for (const alias of aliases) {
    for (const file of ["config.json", "handler.ts"]) {
      mkdirSync(own(`pipelines/${alias}`), { recursive: true });
      cpSync(join(TEST_PROJECT, `pipelines/${alias}/${file}`), own(`pipelines/${alias}/${file}`));
    }
  }
  mkdirSync(own("node_modules"));
  symlinkSync(packageRoot, own("node_modules/weir"));

  const running = new Set<ChildProcess>();
  return {
    root,
    /** Starts `weir dev` on what is stored in the project's folder, and resolves when it listens. */
    async start(): Promise<Dev> {
      const said: string[] = [];
      const child = spawn(
        process.execPath,
        [join(packageRoot, "cli/bin.mjs"), "dev", "--root", root, "--port", "0", "--persist", own("state")],
        {
          cwd: root,
          stdio: ["ignore", "pipe", "pipe"],
          env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
        },
      );
      running.add(child);
      const url = await new Promise<string>((resolve, reject) => {
        for (const stream of [child.stdout, child.stderr]) {
          createInterface({ input: stream }).on("line", (line) => {
            said.push(line);
            const listens = /Weir listens on (http:\S+)/.exec(line)?.[1];
            if (listens) {
              resolve(listens);
            }
          });
        }
        child.once("exit", (code) =>
          reject(new Error(`weir dev ended with code ${code}:\n${said.join("\n")}`)),
        );
      });
      const secrets = parseEnv(readFileSync(own(".weir/dev.env"), "utf8")) as Record<string, string>;
      const { WEIR_API_KEY = "", CONN_MEDIA_SECRET = "", CONN_PHOTOS_SECRET = "" } = secrets;
      const { WEIR_LOCAL_TOKEN = "" } = secrets;
      const client = openClient({
        base: url,
        apiKey: WEIR_API_KEY,
        secrets: { CONN_MEDIA_SECRET, CONN_PHOTOS_SECRET, WEIR_LOCAL_TOKEN },
      });
      const killed = async (kill: (pid: number) => void) => {
        const pid = child.pid as number;
        const pids = treeOf(pid);
        const ended = new Promise((resolve) => child.once("exit", resolve));
        kill(pid);
        await ended;
        await client.until(
          async () => pids.filter(isAlive),
          (left) => left.length === 0,
        );
        running.delete(child);
      };
      return {
        client,
        pid: child.pid as number,
        url,
        said: () => said.join("\n"),
        kill: () => killed(killTree),
        killAlone: () => killed((pid) => process.kill(pid, "SIGKILL")),
      };
    },
    /** Ends what still runs, and takes the folder away. */
    close() {
      for (const { pid } of running) if (pid !== undefined) killTree(pid);
      rmSync(root, { recursive: true, force: true });
    },
  };
}
