// Versions of all pipelines at a commit, read from the registry that was generated and committed there.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { registryPath } from "../generate/generate.ts";
import { fileAt } from "./git.ts";

/** Reads alias → version at a revision; undefined where git has no registry there. */
export function versionsAt(root: string, revision: string): Map<string, string> | undefined {
  const path = registryPath(parse(readFileSync(join(root, "wrangler.toml"), "utf8")));
  const registry = fileAt(root, revision, path);
  const found = registry?.matchAll(/"alias": "([^"]+)",\s+"version": "([0-9a-f]+)"/g);
  return found && new Map([...found].map(([, alias = "", version = ""]) => [alias, version]));
}
