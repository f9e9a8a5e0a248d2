// Contents of the files of a new project. Pure: init.ts writes the files.
import { readFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { parse, stringify } from "smol-toml";
import type { PipelineConfig } from "../../src/shapes/config.ts";
import type { Connection } from "../../src/shapes/connection.ts";
import { BEGIN, END } from "../generate/generate.ts";
import { packageRoot } from "../project/project.ts";

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/**
 * Text of connections.json: a connection for every id that pipelines name, or for a first pipeline. Only the ids are
 * given, so a source becomes an R2 bucket of that name and a destination the project's database; both work locally.
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

/** Text of the router's wrangler.toml: Weir's own, with every path to Weir's sources relative to the project. */
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

/** Replaces every path to a source of Weir's in a value by the path from the project's folder. */
function paths(root: string, value: unknown): unknown {
  if (typeof value === "string") {
    return /^(\.\/)?(src|dashboard)(\/|$)/.test(value)
      ? relative(resolve(root), join(packageRoot, value))
      : value;
  }
  if (Array.isArray(value)) return value.map((entry) => paths(root, entry));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, paths(root, entry)]));
}

/** Text of package.json, through which handlers find `import … from "weir"`, and npx finds `weir`. */
export function packageText(root: string): string {
  const weir = relative(resolve(root), packageRoot) || ".";
  const name = basename(resolve(root))
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-");
  return json({ name, private: true, type: "module", dependencies: { weir: `file:${weir}` } });
}
