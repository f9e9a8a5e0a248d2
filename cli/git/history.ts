// Past versions of a pipeline, read from the registry of each commit. Only reads git.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { registryPath } from "../generate/generate.ts";
import { versionsAt } from "./versions-at.ts";

/** Version of a pipeline with the newest commit whose registry has it. */
export interface PastVersion {
  version: string;
  commit: string;
  at: string;
  subject: string;
}

/** Lists past versions, newest first. Lazy: each step reads one commit. */
export function* versionsInGit(root: string, alias: string): Generator<PastVersion> {
  const registry = registryPath(parse(readFileSync(join(root, "wrangler.toml"), "utf8")));
  const { status, stdout } = spawnSync("git", ["log", "--format=%H%x09%cI%x09%s", "--", `./${registry}`], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64_000_000,
  });
  if (status !== 0) return;
  const seen = new Set<string>();
  for (const line of stdout.split("\n").filter(Boolean)) {
    const [commit = "", at = "", ...subject] = line.split("\t");
    const version = versionsAt(root, commit)?.get(alias);
    if (version === undefined || seen.has(version)) continue;
    seen.add(version);
    yield { version, commit, at, subject: subject.join("\t") };
  }
}
