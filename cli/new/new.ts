// `weir new ALIAS`: adds a pipeline that works, with examples that pass, to be changed from there.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aliasSchema } from "../../src/shapes/config.ts";
import type { Connections } from "../../src/shapes/connection.ts";
import { generate, write } from "../generate/generate.ts";
import { CliError, good, note, printJson } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { loadProject } from "../project/project.ts";
import { validate } from "../project/validate.ts";
import { pipelineFiles } from "./templates.ts";

export interface NewOptions {
  root: string;
  alias: string;
  python?: boolean;
  source?: string;
  destination?: string;
  json?: boolean;
}

/** Adds pipelines/ALIAS, generates, and makes sure that the project validates with it. */
export async function newPipeline(options: NewOptions): Promise<void> {
  const { root, alias } = options;
  const valid = aliasSchema.safeParse(alias);
  if (!valid.success) throw new CliError(`"${alias}" is no alias: ${valid.error.issues[0]?.message}`, [], 2);
  const folder = `pipelines/${alias}`;
  if (existsSync(join(root, folder))) throw new CliError(`${folder} is there already`, [], 2);
  const before = validate(root).problems;
  if (before.length > 0) throw new CliError("nothing was added: the project has problems", before);

  const { connections } = loadProject(root);
  const ends = {
    source: options.source ?? first(connections, "source"),
    destination: options.destination ?? first(connections, "destination"),
  };
  for (const [end, id] of Object.entries(ends)) {
    if (id in connections) continue;
    const next = suggestion(id, Object.keys(connections));
    throw new CliError(`--${end}: there is no connection "${id}" in connections.json: ${next}`, [], 4);
  }
  mkdirSync(join(root, folder), { recursive: true });
  const files = pipelineFiles(alias, ends, options.python === true);
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(root, folder, name), text, { flag: "wx" });
  const { problems } = validate(root);
  if (problems.length > 0) throw new CliError(`${folder} was added, and has problems`, problems);
  const wrote = [
    ...Object.keys(files).map((name) => `${folder}/${name}`),
    ...write(root, await generate(root)),
  ];
  for (const name of wrote) note(`wrote ${name}`);
  if (options.json) printJson({ ok: true, alias, ...ends, wrote });
  good(`${folder} takes text files of ${ends.source} and keeps what it makes of them at ${ends.destination}`);
}

/** The first connection that can stand at that end. */
function first(connections: Connections["connections"], end: "source" | "destination"): string {
  const found = Object.entries(connections).find(([, it]) =>
    end === "destination" ? it.kind !== "s3" : it.kind !== "d1" && it.events.length > 0,
  );
  // A database is the better home of items; a bucket will do.
  const database =
    end === "destination" ? Object.entries(connections).find(([, it]) => it.kind === "d1") : undefined;
  const [id] = database ?? found ?? [];
  if (id !== undefined) return id;
  throw new CliError(
    `connections.json has nothing that can be a ${end}: add a connection, or name one with --${end}`,
  );
}
