// What stands around each interpreter: a user and a view of the system of its own where the machine lets us. Handlers of
// several pipelines run on one instance, and none may read another's secrets or outlive its own run.
import { execFile } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";

/** An interpreter of Python and the folders that it consists of. */
export interface Python {
  executable: string;
  folders: string[];
}

/** A command that starts an interpreter in a folder of its own. `uid` is whose it is there, where it has one. */
export interface Sandboxed {
  command: string[];
  /** The user whom the process that is started belongs to, where that is not ours. */
  uid?: number;
}

/** How interpreters are kept apart. `processes`: how many are there of itself, before its handler starts any. */
export interface Sandbox {
  /** `namespaces`: its own processes, files and (by root) user. `user`: its own user. `none`: a process as any. */
  kind: "namespaces" | "user" | "none";
  /** Whether each interpreter has a user of its own. */
  hasUser: boolean;
  processes: number;
  wrap(command: string[], folder: string, uid: number): Sandboxed;
}

const OWN_FOLDER = import.meta.dirname;
/** What every program needs; more than these, its packages and its own folder is not there at all. */
const SYSTEM_FOLDERS = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/run/systemd/resolve"];
const TMP_BYTES = 64 * 1024 * 1024;
const PROBE_MS = 10_000;

const isRoot = process.getuid?.() === 0;
const asUser = (uid: number) =>
  isRoot
    ? ["setpriv", "--reuid", String(uid), "--regid", String(uid), "--clear-groups", "--no-new-privs"]
    : [];

/** bubblewrap: the process sees its own processes, the system and its packages, and nothing else of the machine. */
const namespaces = ({ folders }: Python): Sandbox => ({
  kind: "namespaces",
  hasUser: isRoot,
  // bubblewrap outside, bubblewrap as the first process within, Python.
  processes: 3,
  wrap: (command, folder, uid) => ({
    command: [
      ...["bwrap", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-uts"],
      // For setpriv, which gives them up.
      ...(isRoot ? ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] : []),
      ...["--proc", "/proc", "--dev", "/dev", "--size", String(TMP_BYTES), "--tmpfs", "/tmp"],
      ...SYSTEM_FOLDERS.flatMap((path) => ["--ro-bind-try", path, path]),
      // bubblewrap makes what leads to them, for its own user only unless permissions are given.
      ...[...folders, OWN_FOLDER, folder]
        .flatMap(ancestorsOf)
        .flatMap((path) => ["--perms", "0755", "--dir", path]),
      ...[...folders, OWN_FOLDER].flatMap((path) => ["--ro-bind", path, path]),
      ...["--bind", folder, folder, "--chdir", folder, "--", ...asUser(uid), ...command],
    ],
  }),
});

const ancestorsOf = (path: string): string[] => {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
};

/** Its own user: what others hold in memory, in their environment and in their folders is closed to it. */
const user: Sandbox = {
  kind: "user",
  hasUser: true,
  processes: 1,
  wrap: (command, _, uid) => ({ command: [...asUser(uid), ...command], uid }),
};

const none: Sandbox = {
  kind: "none",
  hasUser: false,
  processes: 1,
  wrap: (command) => ({ command }),
};

/** The strongest that works here, found out by starting Python in it in `folder`, which belongs to `uid`. */
export async function findSandbox(python: Python, folder: string, uid: number): Promise<Sandbox> {
  for (const sandbox of [namespaces(python), ...(isRoot ? [user] : [])]) {
    const { command } = sandbox.wrap([python.executable, "-c", "import json"], folder, uid);
    if (await succeeds(command)) return sandbox;
  }
  return none;
}

/** The real interpreter behind the name `python3`, which may be a script that looks for one. */
export function findPython(): Promise<Python | undefined> {
  const script =
    "import json, sys; print(json.dumps([sys.executable, sys.prefix, sys.base_prefix, *sys.path]))";
  return new Promise((resolve) => {
    execFile("python3", ["-c", script], (error, out) => {
      if (error) return resolve(undefined);
      const [executable = "", ...folders] = JSON.parse(out) as string[];
      resolve({ executable, folders: outermost([dirname(dirname(executable)), ...folders]) });
    });
  });
}

/** Folders that are there and in none of the others, nor in the system's. */
function outermost(folders: string[]): string[] {
  const present = [
    ...new Set(
      folders.filter((path) => path.length > 1 && existsSync(path)).map((path) => realpathSync(path)),
    ),
  ];
  const isIn = (path: string, other: string) => path !== other && path.startsWith(`${other}/`);
  return present.filter(
    (path) => ![...SYSTEM_FOLDERS, ...present].some((other) => path === "/usr" || isIn(path, other)),
  );
}

const succeeds = ([file = "", ...args]: string[]): Promise<boolean> =>
  new Promise((resolve) => {
    execFile(file, args, { timeout: PROBE_MS, env: { PATH: process.env.PATH } }, (error) => resolve(!error));
  });
