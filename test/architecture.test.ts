// The diagram, held to the code: the arrows between the rooms of the house are exactly those of the tables under
// "Arrows" in ARCHITECTURE.md, no import goes round in a circle, and each process loads only what it may.
import { existsSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { HOUSE, read, root, sources } from "./support/source-text.ts";

const imports = new Map(sources(...HOUSE).map((path) => [path, importsOf(path)]));

describe("the architecture", () => {
  test("has exactly the arrows that ARCHITECTURE.md lists", () => {
    const drawn = tablesOf(read("ARCHITECTURE.md"));
    const real = new Set([...imports.keys()].flatMap(arrowsOf));
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

  test("no file imports itself by way of others, types included", () => {
    expect(circles()).toEqual([]);
  });

  test("the newcomer's map leads to places that are there", () => {
    const map = read("ARCHITECTURE.md").split("## A newcomer's map")[1]?.split(/^## /m)[0] ?? "";
    const rows = map.split("\n").filter((line) => line.startsWith("| a "));
    const missing = rows.flatMap((row) => {
      // A bare name stands beside the path before it.
      let folder = "";
      return [...row.matchAll(/`([\w./-]+)`/g)].flatMap(([, name = ""]) => {
        if (name.startsWith("/") || !/[./]/.test(name)) return [];
        const path = name.includes("/") ? name : join(folder, name);
        folder = dirname(path);
        return existsSync(join(root, path)) ? [] : [path];
      });
    });
    expect(rows.length).toBeGreaterThan(5);
    expect(missing).toEqual([]);
  });

  test("no source file is longer than 300 lines", () => {
    const long = sources(...HOUSE, "scripts")
      .map((path) => ({ path, lines: read(path).split("\n").length - 1 }))
      .filter(({ lines }) => lines > 300);
    expect(long).toEqual([]);
  });

  test("every source file opens by saying what it is for", () => {
    const silent = sources(...HOUSE, "scripts").filter((path) => !/^(#!.*\n)?(\/\/|\/\*\*)/.test(read(path)));
    expect(silent).toEqual([]);
  });
});

describe("what each process of compute loads", () => {
  const server = "workers/compute/server";
  const network = new Set(["http", "https", "http2", "net", "dns", "tls", "dgram"]);

  test("a decoder has no network", () => {
    const reached = reachOf(sources(`${server}/decoder`).filter((path) => path.endsWith("/child.ts")));
    const builtins = [...reached].filter((name) =>
      network.has(name.replace(/^node:/, "").split("/")[0] ?? ""),
    );
    expect(builtins).toEqual([]);
  });

  test("only a decoder loads node-av", () => {
    const holders = [...imports].filter(([, names]) => names.values.some((it) => it.startsWith("node-av")));
    const outside = holders.filter(
      ([path]) => path.startsWith(server) && !path.startsWith(`${server}/decoder/`),
    );
    expect(holders.length).toBeGreaterThan(0);
    expect(outside.map(([path]) => path)).toEqual([]);
    expect([...reachOf([`${server}/main.ts`])].filter((it) => it.startsWith("node-av"))).toEqual([]);
  });

  test("only inference loads onnxruntime-node", () => {
    const holders = [...imports].filter(([, names]) => names.values.includes("onnxruntime-node"));
    const outside = holders.filter(([path]) => !path.startsWith(`${server}/inference/`));
    expect(holders.length).toBeGreaterThan(0);
    expect(outside.map(([path]) => path)).toEqual([]);
    expect(reachOf([`${server}/main.ts`]).has("onnxruntime-node")).toBe(false);
  });
});

/** `from -> to` for each import of a file that leaves its room. */
function arrowsOf(path: string): string[] {
  const from = roomOf(path);
  const { values = [], types = [] } = imports.get(path) ?? {};
  const targets = [...values, ...types].flatMap((name) => {
    if (name === "weir") return ["workers/pipeline"];
    return name.includes("/") && existsSync(join(root, name)) ? [roomOf(name)] : [];
  });
  return [...new Set(targets)].filter((to) => to !== from).map((to) => `${from} -> ${to}`);
}

/**
 * The room of a file: one step below src/, cli/ or workers/; every folder of compute's server, which holds several
 * kinds of process; the page. A file directly under src/ or cli/ stands for itself.
 */
function roomOf(path: string): string {
  if (path.startsWith("workers/compute/server/")) return dirname(path);
  if (path.startsWith("dashboard/")) return path.split("/").slice(0, 2).join("/");
  return path.split("/").slice(0, 2).join("/");
}

interface Imports {
  /** What the file loads when it runs: paths from the root for ours, names for packages. */
  values: string[];
  /** What only its types need. */
  types: string[];
}

function importsOf(path: string): Imports {
  const code = read(path).replace(/^\s*(\/\/|\*|\/\*).*$/gm, "");
  const found: Imports = { values: [], types: [] };
  const statements = code.matchAll(
    /\b(import|export)\s+(type\s)?([^"';]*?)\bfrom\s*"([^"\n]+)"|\bimport\s*\(?\s*"([^"\n]+)"/g,
  );
  for (const [, , type, names, from, bare] of statements) {
    const name = from ?? bare ?? "";
    const target = name.startsWith(".") ? normalize(join(dirname(path), name)) : name;
    const onlyTypes = type !== undefined || /^\{(\s*type\s[^,}]+,?)+\s*\}\s*$/.test(names ?? "");
    found[onlyTypes ? "types" : "values"].push(target);
  }
  return found;
}

/** Every module that loading these files loads, packages and builtins by name. */
function reachOf(entries: string[]): Set<string> {
  const reached = new Set<string>();
  const open = [...entries];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    open.push(...(imports.get(path)?.values ?? []));
  }
  return new Set([...reached].map((name) => (builtinModules.includes(name) ? `node:${name}` : name)));
}

/** Each circle of imports once, as `a -> b -> a`. */
function circles(): string[] {
  const state = new Map<string, "open" | "done">();
  const found: string[] = [];
  const visit = (path: string, way: string[]) => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      found.push([...way.slice(way.indexOf(path)), path].join(" -> "));
      return;
    }
    state.set(path, "open");
    const { values = [], types = [] } = imports.get(path) ?? {};
    for (const target of new Set([...values, ...types]))
      if (imports.has(target)) visit(target, [...way, path]);
    state.set(path, "done");
  };
  for (const path of imports.keys()) visit(path, []);
  return found;
}

/** The rows `| from | to, to |` of the tables under the heading "Arrows". */
function tablesOf(markdown: string): Set<string> {
  const section = markdown.split(/^#+ Arrows\s*$/m)[1]?.split(/^## /m)[0] ?? "";
  const rows = [...section.matchAll(/^\|([^|\n]+)\|([^|\n]+)\|/gm)].filter(([, from]) => from?.includes("`"));
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
