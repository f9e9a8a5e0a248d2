// Command `weir new`: adds a working pipeline of a kind, with examples that pass, as a start for your own. At a terminal
// it asks for the kind that no flag names.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aliasSchema } from "../../src/shapes/config.ts";
import type { Connections } from "../../src/shapes/connection.ts";
import { generate, write } from "../generate/generate.ts";
import { askFor, canAsk } from "../io/ask.ts";
import { CliError, good, note, printJson, say } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { writeEntry } from "../models/models-file.ts";
import { loadProject } from "../project/project.ts";
import { requireValid } from "../project/validate.ts";
import { filesOf, hasPython, KIND_NAMES, KINDS, kindOf, menuText, type TemplateName } from "./kinds.ts";

export interface NewOptions {
  root: string;
  alias: string;
  /** What comes in and what goes out; asked for at a terminal, otherwise `anything`. */
  kind?: TemplateName;
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
  const { kind, python } = await choiceOf(options);
  const schema = existsSync(join(root, "schemas/pipeline.generated.json"));
  const { definitions: models } = before;
  const { files, lacks, off } = filesOf({ alias, ...ends, kind, python, schema, models });
  if (lacks !== undefined) {
    writeEntry(root, lacks, { kind: "builtin", builtin: lacks });
    note(`Added the model ${lacks} to models.json.`);
  }
  mkdirSync(join(root, folder), { recursive: true });
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(root, folder, name), text, { flag: "wx" });
  const project = loadProject(root);
  requireValid(project, `${folder} was added`);
  const wrote = [
    ...Object.keys(files).map((name) => `${folder}/${name}`),
    ...write(root, await generate(project)),
  ];
  for (const name of wrote) note(`Wrote ${name}.`);
  if (options.json) printJson({ ok: true, alias, kind, ...ends, enabled: !off, wrote });
  const { takes, gives } = KINDS[kind];
  good(`${folder} takes ${takes} of ${ends.source} and stores at ${ends.destination}: ${gives}.`);
  if (off) say(NO_SPEECH_MODEL.replace("CONFIG", `${folder}/config.json`));
  else note("`weir dev` runs it, and `weir put FILE --wait` gives it a file.");
}

const NO_SPEECH_MODEL =
  'It is off, since the project has no speech model: add one by the name "speech" to models.json (docs/models.md, Speech), and take "enabled": false out of CONFIG.';

/** Asks for what no flag says, where a person can answer. @throws CliError where the kind has no handler in Python */
async function choiceOf(options: NewOptions): Promise<{ kind: TemplateName; python: boolean }> {
  const interactive = options.kind === undefined && options.json !== true && canAsk();
  const kind = options.kind ?? (interactive ? await askForKind() : "anything");
  if (options.python && !hasPython(kind)) {
    const some = KIND_NAMES.filter(hasPython).join(", ");
    throw new CliError(`${kind} has no handler in Python. With --python, --kind is one of ${some}.`, [], 2);
  }
  if (options.python !== undefined || !interactive || !hasPython(kind))
    return { kind, python: options.python === true };
  const language = await askFor("TypeScript or Python? [t]", (answer) =>
    /^(t.*)?$/i.test(answer) ? "handler.ts" : /^p/i.test(answer) ? "handler.py" : undefined,
  );
  return { kind, python: language === "handler.py" };
}

function askForKind(): Promise<TemplateName> {
  say("What comes in, and what goes out?");
  say(menuText());
  return askFor("Its number or name [1]:", (answer) => kindOf(answer === "" ? "1" : answer));
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
