// The texts of a new project and of a new pipeline. Pure: names in, file contents out; init.ts and new.ts write
// them.
import { readFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { parse, stringify } from "smol-toml";
import type { PipelineConfig } from "../../src/shapes/config.ts";
import type { Connection } from "../../src/shapes/connection.ts";
import { BEGIN, END } from "../generate/generate.ts";
import { packageRoot } from "../project/project.ts";

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/**
 * A connection for every id that the pipelines name, or for a first pipeline. Nothing but the ids is known, so a
 * source is an R2 bucket of that name and a destination the project's database: both work locally as they are.
 */
export function connectionsText(configs: PipelineConfig[]): string {
  const sources = configs.map(({ source }) => source.connection_id);
  const destinations = configs.map(({ destination }) => destination.connection_id);
  const none = configs.length === 0;
  const connections: Record<string, Connection> = {};
  for (const id of new Set(none ? ["files"] : sources)) {
    connections[id] = { kind: "r2", buckets: [bucketName(id)], events: [{ scheme: "r2-queue" }] };
  }
  for (const id of new Set(none ? ["items"] : destinations)) {
    connections[id] ??= { kind: "d1", database: "weir-collections" };
  }
  return json({ connections });
}

const bucketName = (id: string) =>
  `weir-${id
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/-$/, "")}`;

/** The router's wrangler.toml, as Weir's own is, with every path to Weir's sources made one from the project. */
export function routerText(root: string): string {
  const own = parse(readFileSync(join(packageRoot, "wrangler.toml"), "utf8").replace(generated, ""));
  const moved = {
    ...Object.fromEntries(Object.entries(own).map(([key, value]) => [key, paths(root, value)])),
    alias: { "#weir/registry": "./registry.generated.ts", "#weir/connections": "./connections.json" },
  };
  return [
    "# The router. The part between the marker lines follows from connections.json and pipelines/.",
    stringify(moved).trim(),
    "",
    BEGIN,
    END,
    "",
  ].join("\n");
}

const generated = new RegExp(`${BEGIN}[\\s\\S]*${END}`);

/** Every text in a value that names a folder or file of Weir's, from the project's folder. */
function paths(root: string, value: unknown): unknown {
  if (typeof value === "string") {
    return /^(\.\/)?(src|dashboard)(\/|$)/.test(value)
      ? relative(resolve(root), join(packageRoot, value))
      : value;
  }
  if (Array.isArray(value)) return value.map((one) => paths(root, one));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, paths(root, one)]));
}

/** So that handlers find `import … from "weir"`, and `npx weir` this command. */
export function packageText(root: string): string {
  const weir = relative(resolve(root), packageRoot) || ".";
  const name = basename(resolve(root))
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-");
  return json({ name, private: true, type: "module", dependencies: { weir: `file:${weir}` } });
}

/** The files of a new pipeline, which takes text files and tells their names and sizes. */
export function pipelineFiles(
  alias: string,
  ends: { source: string; destination: string },
  python: boolean,
): Record<string, string> {
  const config = {
    alias,
    source: { connection_id: ends.source, filters: { extension: "txt" } },
    destination: { connection_id: ends.destination, collection: alias.replaceAll("-", "_") },
  };
  const examples = [
    { name: "a text file is taken", event: { key: "notes/today.txt", size: 120 }, matches: true },
    { name: "a picture is left alone", event: { key: "notes/today.png" }, matches: false },
  ];
  return {
    "config.json": json(config),
    "examples.json": json(examples),
    ...(python ? { "handler.py": PYTHON } : { "handler.ts": TYPESCRIPT }),
  };
}

const TYPESCRIPT = `import { definePipeline } from "weir";

export default definePipeline(async (event) => [{ name: event.key.split("/").at(-1), size: event.size ?? null }]);
`;

const PYTHON = `def handler(event):
    return [{"name": event["key"].split("/")[-1], "size": event.get("size")}]
`;
