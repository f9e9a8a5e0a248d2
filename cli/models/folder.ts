// A model in a folder of this machine, laid out as on a hub: for machines without internet, and for a model of one's own.
import { copyFileSync, globSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CliError } from "../io/output.ts";
import { hashesOf } from "./hashes.ts";
import type { ModelSource, SourceFile } from "./source.ts";

/** @throws CliError where it is no folder */
export function openFolder(folder: string): ModelSource {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new CliError(
      `${folder} is no folder. Name the folder that holds config.json and the .onnx files.`,
      [],
      4,
    );
  const files = globSync("**/*", { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry): SourceFile => {
      const path = join(entry.parentPath, entry.name);
      return { path: path.slice(folder.length).replace(/^\/+/, ""), bytes: statSync(path).size };
    });
  const card = files.some(({ path }) => path === "README.md")
    ? readFileSync(join(folder, "README.md"), "utf8")
    : "";
  return {
    hub: "folder",
    id: basename(folder),
    licence: /^---\n[\s\S]*?^license:\s*["']?([\w.-]+)/m.exec(card)?.[1],
    files,
    async fetch(file, target) {
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(join(folder, file.path), target);
      return (await hashesOf(target, file)).digest().sha256;
    },
  };
}
