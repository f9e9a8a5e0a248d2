// The diagram, held to the code: the arrows between folders of src/ and workers/ are exactly those of the
// table "Arrows" in ARCHITECTURE.md. An import that the table lacks fails, and so does a row that nothing uses.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const sources = (...folders: string[]) =>
  folders
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,mjs}`, { cwd: root }))
    .filter(
      (path) => !path.includes(".generated.") && !path.endsWith(".d.ts") && !path.includes("node_modules"),
    )
    .sort();

describe("the architecture", () => {
  test("has exactly the arrows that ARCHITECTURE.md lists", () => {
    const drawn = existsSync(join(root, "ARCHITECTURE.md"))
      ? tableOf(read("ARCHITECTURE.md"))
      : new Set<string>();
    const real = new Set(sources("src", "workers").flatMap(arrowsOf));
    const forbidden = [...real].filter((arrow) => !drawn.has(arrow));
    const stale = [...drawn].filter((arrow) => !real.has(arrow));
    expect({ forbidden, stale }, `the table as the code has it:\n\n${tableText(real)}\n`).toEqual({
      forbidden: [],
      stale: [],
    });
  });

  test("everything may import shapes, and shapes imports nothing of ours", () => {
    const outward = sources("src/shapes").flatMap(arrowsOf);
    expect(outward).toEqual([]);
  });

  test("no source file is longer than 300 lines", () => {
    const long = sources("src", "workers", "cli", "scripts")
      .map((path) => ({ path, lines: read(path).split("\n").length - 1 }))
      .filter(({ lines }) => lines > 300);
    expect(long).toEqual([]);
  });

  test("every source file opens by saying what it is for", () => {
    const silent = sources("src", "workers", "cli", "scripts").filter(
      (path) => !/^(#!.*\n)?(\/\/|\/\*\*)/.test(read(path)),
    );
    expect(silent).toEqual([]);
  });
});

/** `from -> to` for each import of a file that leaves its folder. */
function arrowsOf(path: string): string[] {
  const from = folderOf(path);
  const targets = importsOf(read(path)).flatMap((name) => {
    if (name === "weir") return ["workers/pipeline"];
    return name.startsWith(".") ? [folderOf(relative(root, join(root, dirname(path), name)))] : [];
  });
  return [...new Set(targets)].filter((to) => to !== from).map((to) => `${from} -> ${to}`);
}

/**
 * A folder is one step below src/ or workers/, and compute's server is a program of its own. A file directly
 * under src/ (a door, the spine, env.ts) stands for itself.
 */
function folderOf(path: string): string {
  if (path.startsWith("workers/compute/server/")) return "workers/compute/server";
  return path.split("/").slice(0, 2).join("/");
}

function importsOf(text: string): string[] {
  const code = text.replace(/^\s*(\/\/|\*).*$/gm, "");
  const found = code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"\n]+)"/g);
  return [...found].map((match) => match[1] ?? "");
}

/** The rows `| from | to, to |` under the heading "Arrows". */
function tableOf(markdown: string): Set<string> {
  const section = markdown.split(/^#+ Arrows\s*$/m)[1]?.split(/^#/m)[0] ?? "";
  const rows = [...section.matchAll(/^\|([^|\n]+)\|([^|\n]+)\|/gm)].slice(2);
  const names = (cell = "") => cell.split(",").map((name) => name.replaceAll("`", "").trim());
  return new Set(rows.flatMap(([, from, to]) => names(to).map((target) => `${names(from)[0]} -> ${target}`)));
}

function tableText(arrows: Set<string>): string {
  const byFrom = Map.groupBy([...arrows].sort(), (arrow) => arrow.split(" -> ")[0] ?? "");
  const rows = [...byFrom].map(([from, all]) => {
    const targets = all.map((arrow) => `\`${arrow.split(" -> ")[1]}\``).join(", ");
    return `| \`${from}\` | ${targets} |`;
  });
  return ["| from | to |", "|---|---|", ...rows].join("\n");
}
