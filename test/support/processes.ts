// Everything that a process has started, however deep, so that all of it can be killed at once: what a
// machine that loses its power does to it.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The process and all below it. */
export function treeOf(root: number): number[] {
  const childrenOf = Map.groupBy(processes(), ({ parent }) => parent);
  const found = [root];
  for (const pid of found) found.push(...(childrenOf.get(pid) ?? []).map((child) => child.pid));
  return found;
}

/** Kills the process and all below it, the parents first, so that none of them notices and tidies up. */
export function killTree(root: number): void {
  for (const pid of treeOf(root)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

export const isAlive = (pid: number): boolean => processes().some((one) => one.pid === pid);

/** Every process that runs, by /proc, which needs no tool, or by `ps` where there is none (macOS). */
function processes(): { pid: number; parent: number }[] {
  if (!existsSync("/proc/self/stat")) {
    const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" })
      .trim()
      .split("\n");
    return lines.flatMap((line) => {
      const [pid, parent, state = ""] = line.trim().split(/\s+/);
      return state.startsWith("Z") ? [] : [{ pid: Number(pid), parent: Number(parent) }];
    });
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // "pid (any name) state parent …": the name may hold spaces and parentheses.
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return state === "Z" ? [] : [{ pid: Number(name), parent: Number(parent) }];
      } catch {
        return [];
      }
    });
}

/** The command line of a process, or nothing where it has ended. */
export function commandOf(pid: number): string {
  try {
    return execFileSync("ps", ["-p", String(pid), "-o", "args="], { encoding: "utf8" });
  } catch {
    return "";
  }
}

/** The TCP ports that these processes listen on, where /proc says so. */
export function portsOf(pids: readonly number[]): number[] {
  const sockets = new Set(pids.flatMap(socketsOf));
  const lines = ["tcp", "tcp6"].flatMap((name) => linesOf(`/proc/net/${name}`));
  // sl, local address:port in hex, remote, state (0A listens), …, the inode as the tenth.
  const listening = lines.map((line) => line.trim().split(/\s+/)).filter(([, , , state]) => state === "0A");
  const own = listening.filter((fields) => sockets.has(fields[9] ?? ""));
  return [...new Set(own.map(([, local = ""]) => Number.parseInt(local.split(":")[1] ?? "", 16)))];
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

const linesOf = (path: string) => (existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(1) : []);
