// Which commit is running, as lineage tells it.
import { spawnSync } from "node:child_process";

/**
 * The folder's commit; with `-dirty` when the tree holds anything else than it: a changed file, or a new one that git
 * is not told to ignore. Empty outside git.
 */
export function commitOf(folder: string): string {
  // One question: between two, somebody may commit, and the old commit would be told without its changes.
  const lines = gitIn(folder)("status", "--porcelain=v2", "--branch")?.split("\n") ?? [];
  const commit = lines.map((line) => /^# branch\.oid ([0-9a-f]+)$/.exec(line)?.[1]).find(Boolean);
  if (!commit) return "";
  return lines.every((line) => line.startsWith("# ")) ? commit : `${commit}-dirty`;
}

/** Asks git in a folder: what it says, or undefined where it refuses. */
export function gitIn(folder: string): (...args: string[]) => string | undefined {
  // Asked beside other work in the same repository, it must not take git's lock.
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: "0" };
  return (...args) => {
    const { status, stdout } = spawnSync("git", args, { cwd: folder, encoding: "utf8", env });
    return status === 0 ? stdout.trim() : undefined;
  };
}

/** The folder that tells by a change in it of a new commit; undefined outside git. */
export const gitFolder = (folder: string) => gitIn(folder)("rev-parse", "--absolute-git-dir");

/** A file's text at a revision; undefined when git knows no such revision or file. */
export function fileAt(folder: string, revision: string, path: string): string | undefined {
  // `./` makes the path relative to the folder; a revision that looks like an option is refused by git itself.
  const { status, stdout } = spawnSync("git", ["show", "--end-of-options", `${revision}:./${path}`], {
    cwd: folder,
    encoding: "utf8",
  });
  return status === 0 ? stdout : undefined;
}
