// Questions to git about a folder: its commit, its git directory, and files at earlier revisions.
import { spawnSync } from "node:child_process";

/**
 * Commit of a folder, as lineage names it; with `-dirty` where the tree holds a changed file, or a new file that git
 * does not ignore. Empty outside git.
 */
export function commitOf(folder: string): string {
  // A single question, since somebody might commit between two and the answers would not belong together.
  const lines = gitIn(folder)("status", "--porcelain=v2", "--branch")?.split("\n") ?? [];
  const commit = lines.map((line) => /^# branch\.oid ([0-9a-f]+)$/.exec(line)?.[1]).find(Boolean);
  if (!commit) return "";
  return lines.every((line) => line.startsWith("# ")) ? commit : `${commit}-dirty`;
}

/** Runs git in a folder; the function returns its output, or undefined where git fails. */
export function gitIn(folder: string): (...args: string[]) => string | undefined {
  // Other work may go on in the repository, so that this must not take git's lock.
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: "0" };
  return (...args) => {
    const { status, stdout } = spawnSync("git", args, { cwd: folder, encoding: "utf8", env });
    return status === 0 ? stdout.trim() : undefined;
  };
}

/** Path of the git directory, which changes with every commit; undefined outside git. */
export const gitFolder = (folder: string) => gitIn(folder)("rev-parse", "--absolute-git-dir");

/** Text of a file at a revision; undefined where git has no such revision or file. */
export function fileAt(folder: string, revision: string, path: string): string | undefined {
  // `./` makes the path relative to the folder; a revision that looks like an option is refused by git itself.
  const { status, stdout } = spawnSync("git", ["show", "--end-of-options", `${revision}:./${path}`], {
    cwd: folder,
    encoding: "utf8",
  });
  return status === 0 ? stdout : undefined;
}
