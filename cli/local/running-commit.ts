// The commit that local Workers name in what they make. It changes while they run: wrangler-preload.mjs asks git inside
// wrangler whenever a Worker is loaded, and what they were last loaded with is kept in a file.
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { commitOf } from "../git/git.ts";
import { packageRoot } from "../project/project.ts";

const fileIn = (persist: string) => join(persist, "commit");
const PRELOAD = pathToFileURL(join(packageRoot, "cli/local/wrangler-preload.mjs")).href;

/** What wrangler's environment must hold for wrangler-preload.mjs: whose commit, and the port of the front process. */
export const workersEnv = (root: string, port: number, options = process.env.NODE_OPTIONS) => ({
  WEIR_COMMIT_OF: root,
  WEIR_FRONT_PORT: String(port),
  NODE_OPTIONS: [options, `--import=${PRELOAD}`].filter(Boolean).join(" "),
});

/** What another wrangler's environment must hold to have its doors closed to browsers (closed-doors.mjs). */
export const CLOSED_DOORS = {
  NODE_OPTIONS: [
    process.env.NODE_OPTIONS,
    `--import=${pathToFileURL(join(packageRoot, "cli/local/closed-doors.mjs")).href}`,
  ]
    .filter(Boolean)
    .join(" "),
};

/** Writes down the commit of a folder; whether it is another than before. */
export function noteCommit(root: string, persist: string): boolean {
  const [path, text] = [fileIn(persist), commitOf(root)];
  if (existsSync(path) && readFileSync(path, "utf8") === text) return false;
  writeFileSync(path, text);
  return true;
}

/** Lets wrangler take up Workers again, by their wrangler.toml files. */
export function touch(root: string, configs: string[]): void {
  const now = new Date();
  for (const config of configs) utimesSync(join(root, config), now, now);
}
