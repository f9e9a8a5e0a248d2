// Commit that local Workers record in their items. It changes while they run: wrangler-preload.mjs asks git whenever
// wrangler loads a Worker, and the commit of the last load is kept in a file.
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { commitOf } from "../git/git.ts";
import { packageRoot } from "../project/project.ts";

const fileIn = (persist: string) => join(persist, "commit");
const PRELOAD = pathToFileURL(join(packageRoot, "cli/local/wrangler-preload.mjs")).href;

/**
 * Environment that wrangler-preload.mjs needs inside wrangler: the folder of the commit, and the port of the Workers.
 */
export const workersEnv = (root: string, port: number, options = process.env.NODE_OPTIONS) => ({
  WEIR_COMMIT_OF: root,
  WEIR_FRONT_PORT: String(port),
  NODE_OPTIONS: [options, `--import=${PRELOAD}`].filter(Boolean).join(" "),
});

/** Environment that closes the doors of another wrangler to browsers (closed-doors.mjs). */
export const CLOSED_DOORS = {
  NODE_OPTIONS: [
    process.env.NODE_OPTIONS,
    `--import=${pathToFileURL(join(packageRoot, "cli/local/closed-doors.mjs")).href}`,
  ]
    .filter(Boolean)
    .join(" "),
};

/** Records the commit of a folder, and returns whether it has changed. */
export function noteCommit(root: string, persist: string): boolean {
  const [path, text] = [fileIn(persist), commitOf(root)];
  if (existsSync(path) && readFileSync(path, "utf8") === text) return false;
  writeFileSync(path, text);
  return true;
}

/** Makes wrangler reload Workers, by touching their wrangler.toml files. */
export function touch(root: string, configs: string[]): void {
  const now = new Date();
  for (const config of configs) utimesSync(join(root, config), now, now);
}
