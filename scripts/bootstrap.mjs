// First step of `npm start` and `npm test`, for any Node that npm runs under: installs the dependencies of package-lock.json where
// that has not been done, then runs the task under the project's own Node.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bin = join(root, "node_modules/.bin");
const stamp = join(root, "node_modules/.weir-installed");
/** End of a stamp that an old Node has left. */
const IN_PART = " in part";

/** Preload that ends the child when this process is killed; it finds the pipe by its number. */
const GUARD = pathToFileURL(join(root, "cli/io/guard.mjs")).href;
const GUARD_FD = 3;

/** vitest under the project's own Node: its executable would take whichever is first on PATH. */
const VITEST = join(root, "node_modules/vitest/vitest.mjs");

const TASKS = {
  start: ["node", [`--import=${GUARD}`, join(root, "cli/bin.mjs"), "demo"]],
  test: ["node", [VITEST, "run", "--project", "main"]],
  // They wait for queues, clocks and browsers for half of their time: a third at once uses that.
  "test:slow": ["node", [VITEST, "run", "--project", "slow", "--maxWorkers", "3"]],
};

const [task, ...args] = process.argv.slice(2);
const launch = task === undefined ? undefined : TASKS[task];
if (!launch) {
  console.error(`usage: node scripts/bootstrap.mjs ${Object.keys(TASKS).join("|")} [arguments]`);
  process.exit(2);
}
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
/** Whether npm, under this Node, installs all native parts of the test runner: it leaves out those that want a newer one. */
const installsAll = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
if (major < 18 || (task !== "start" && !installsAll)) {
  console.error(
    `This is Node ${process.versions.node}. Weir brings a Node of its own along, and needs 20.19, 22.12 or a newer one to install it with all parts: https://nodejs.org`,
  );
  process.exit(1);
}
install();
const [command, fixed] = launch;
const child = spawn(join(bin, command), [...fixed, ...args], {
  cwd: root,
  stdio: ["inherit", "inherit", "inherit", "pipe"],
  env: {
    ...process.env,
    WEIR_GUARD_FD: String(GUARD_FD),
    PATH: `${bin}${delimiter}${process.env.PATH ?? ""}`,
  },
});
child.on("error", (error) => {
  console.error(`${command} could not be started: ${error.message}. Remove node_modules and try again.`);
  process.exit(1);
});
// Signals go to the child, and this process ends as the child ends.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));

function install() {
  // The hash of the lock file, since a checkout changes its time and not its content.
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const kept = existsSync(stamp) ? readFileSync(stamp, "utf8") : "";
  if (kept === lock || (kept === lock + IN_PART && !installsAll)) return;
  if (!existsSync(stamp) && installedBy(lock)) return;
  console.error("Installing dependencies (npm ci), about half a minute …");
  // An npm without `allowScripts` would let onnxruntime-node download libraries for GPUs.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  // Errors alone. Packages warn that they want a newer Node than the one that runs npm; Weir runs under its own.
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  if (status !== 0) {
    console.error("npm ci failed; its output is above. It needs the npm registry.");
    process.exit(status ?? 1);
  }
  writeFileSync(stamp, installsAll ? lock : lock + IN_PART);
}

/** Whether a plain `npm ci` or `npm install` has been here since the lock last changed. */
function installedBy(lock) {
  const own = join(root, "node_modules/.package-lock.json");
  if (!existsSync(own) || !existsSync(join(bin, "node"))) return false;
  const packages = (path) => JSON.parse(readFileSync(path, "utf8")).packages ?? {};
  const installed = packages(own);
  const locked = packages(join(root, "package-lock.json"));
  const same = Object.entries(locked).every(
    ([name, { version, optional }]) => name === "" || optional || installed[name]?.version === version,
  );
  if (same) writeFileSync(stamp, lock);
  return same;
}
