// Command `weir new`: adds a working pipeline, with examples that pass, as a start for your own.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aliasSchema } from "../../src/shapes/config.ts";
import type { Connections } from "../../src/shapes/connection.ts";
import { generate, write } from "../generate/generate.ts";
import { CliError, good, note, printJson } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { loadProject } from "../project/project.ts";
import { requireValid } from "../project/validate.ts";
import { pipelineFiles } from "./templates.ts";

export interface NewOptions {
  root: string;
  alias: string;
  python?: boolean;
  source?: string;
  destination?: string;
  json?: boolean;
}

/** Adds pipelines/ALIAS, validates the project with it, and generates its files. @throws CliError */
export async function newPipeline(options: NewOptions): Promise<void> {
  const { root, alias } = options;
  const valid = aliasSchema.safeParse(alias);
  if (!valid.success) throw new CliError(`"${alias}" is no alias: ${valid.error.issues[0]?.message}.`, [], 2);
  const folder = `pipelines/${alias}`;
  if (existsSync(join(root, folder)))
    throw new CliError(`${folder} exists already. Choose another alias.`, [], 2);
  const before = loadProject(root);
  requireValid(before, "Nothing was added");

  const { connections } = before;
  const ends = {
    source: options.source ?? defaultConnection(connections, "source"),
    destination: options.destination ?? defaultConnection(connections, "destination"),
  };
  for (const [end, id] of Object.entries(ends)) {
    if (id in connections) continue;
    const next = suggestion(id, Object.keys(connections));
    throw new CliError(`The connection "${id}" of --${end} is not in connections.json. ${next}`, [], 4);
  }
  mkdirSync(join(root, folder), { recursive: true });
  const files = pipelineFiles(alias, ends, options.python === true);
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(root, folder, name), text, { flag: "wx" });
  const project = loadProject(root);
  requireValid(project, `${folder} was added`);
  const wrote = [
    ...Object.keys(files).map((name) => `${folder}/${name}`),
    ...write(root, await generate(project)),
  ];
  for (const name of wrote) note(`Wrote ${name}.`);
  if (options.json) printJson({ ok: true, alias, ...ends, wrote });
  good(`${folder} takes text files of ${ends.source} and stores its items at ${ends.destination}.`);
}

/** Finds the first connection that can be the source or the destination of a pipeline. @throws CliError */
function defaultConnection(connections: Connections["connections"], end: "source" | "destination"): string {
  const found = Object.entries(connections).find(([, connection]) =>
    end === "destination"
      ? connection.kind !== "s3"
      : connection.kind !== "d1" && connection.events.length > 0,
  );
  // A database is the better place for items; a bucket is possible.
  const database =
    end === "destination"
      ? Object.entries(connections).find(([, connection]) => connection.kind === "d1")
      : undefined;
  const [id] = database ?? found ?? [];
  if (id !== undefined) return id;
  throw new CliError(
    `No connection in connections.json can be a ${end}. Add a connection, or name it with --${end}.`,
  );
}
