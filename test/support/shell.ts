// One bash that stays: what a person types into it, one command after another, and how each ended. Variables
// live on from one command to the next, as they do for that person.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

export interface Shell {
  type(command: string): Promise<Ended>;
  close(): Promise<void>;
}

export function openShell(cwd: string, env: Record<string, string | undefined>): Shell {
  const folder = mkdtempSync(join(tmpdir(), "weir-shell-"));
  const [out, err] = [join(folder, "out"), join(folder, "err")];
  const bash = spawn("bash", ["--norc", "--noprofile"], { cwd, env, stdio: ["pipe", "pipe", "inherit"] });
  const ends = createInterface({ input: bash.stdout });
  const ended = once(bash, "exit");
  return {
    async type(command) {
      const told = once(ends, "line") as Promise<[string]>;
      bash.stdin.write(`{ ${command}\n} >${out} 2>${err} </dev/null\necho "$?"\n`);
      const [code] = await Promise.race([told, ended.then(() => ["-1"] as [string])]);
      return { code: Number(code), stdout: readFileSync(out, "utf8"), stderr: readFileSync(err, "utf8") };
    },
    async close() {
      bash.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
