// Kinds of pipeline that `weir new` writes, each a folder of templates/. A kind says what comes in and what goes out;
// templates hold the handlers, filters and examples.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isSpeech, type Models } from "../../src/shapes/model.ts";
import { packageRoot } from "../project/project.ts";

export interface Kind {
  /** What comes in, as a plural. */
  takes: string;
  /** What goes out. */
  gives: string;
}

export const KINDS = {
  "film-moments": { takes: "films", gives: "a moment for each scene: its seconds and how it looks" },
  "picture-catalog": { takes: "pictures", gives: "format, size, colours, and how each looks" },
  "speech-text": {
    takes: "films and recordings",
    gives: "what is said, sentence by sentence, with its seconds",
  },
  documents: { takes: "texts (.md, .txt)", gives: "sections, found by their words" },
  anything: { takes: "any object", gives: "its name, size, type and metadata" },
} satisfies Record<string, Kind>;

export type TemplateName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as TemplateName[];
const EMBEDDER = "weir/hog-512";
/** Name under which a project without a speech model gets one. */
const SPEECH = "speech";

/** Menu of the kinds, a line for each. */
export function menuText(): string {
  const widths = [KIND_NAMES, Object.values(KINDS).map(({ takes }) => takes)].map((column) =>
    Math.max(...column.map(({ length }) => length)),
  );
  return Object.entries(KINDS)
    .map(([name, { takes, gives }], index) =>
      [` ${index + 1}`, name.padEnd(widths[0] ?? 0), `${takes.padEnd(widths[1] ?? 0)} → ${gives}`].join("  "),
    )
    .join("\n");
}

/** Finds the kind that an answer to the menu names, by its number or the beginning of its name. */
export function kindOf(answer: string): TemplateName | undefined {
  const text = answer.trim().toLowerCase();
  if (/^\d+$/.test(text)) return KIND_NAMES[Number(text) - 1];
  const found = KIND_NAMES.filter((name) => name.startsWith(text));
  return found.length === 1 ? found[0] : undefined;
}

const pathIn = (kind: TemplateName, file: string) => join(packageRoot, "templates", kind, file);

/** Whether a kind has a handler in Python. */
export const hasPython = (kind: TemplateName): boolean => existsSync(pathIn(kind, "handler.py"));

export interface NewPipeline {
  alias: string;
  source: string;
  destination: string;
  kind: TemplateName;
  python: boolean;
  /** Whether the project has the schema of configs, which editors complete with. */
  schema: boolean;
  models: Models;
}

interface Template {
  source?: { filters?: object };
  destination?: object;
  models?: string[];
}

export interface NewFiles {
  /** Text of each file in the pipeline's folder. */
  files: Record<string, string>;
  /** A builtin model that models.json lacks. */
  lacks: string | undefined;
  /** The pipeline is written off, for lack of a model that Weir cannot bring. */
  off: boolean;
}

/** Makes the files of a new pipeline. */
export function filesOf({ alias, source, destination, kind, python, schema, models }: NewPipeline): NewFiles {
  const template = JSON.parse(readFileSync(pathIn(kind, "config.json"), "utf8")) as Template;
  const [speech] = Object.keys(models).filter((name) => models[name] && isSpeech(models[name]));
  const off = kind === "speech-text" && speech === undefined;
  const named = kind === "speech-text" ? [speech ?? SPEECH] : template.models;
  const config = {
    ...(schema && { $schema: "../../schemas/pipeline.generated.json" }),
    ...(off && { enabled: false }),
    alias,
    source: { connection_id: source, ...template.source },
    destination: {
      connection_id: destination,
      collection: alias.replaceAll("-", "_"),
      ...template.destination,
    },
    ...(named && { models: named }),
  };
  const handler = python ? "handler.py" : "handler.ts";
  return {
    files: {
      "config.json": `${JSON.stringify(config, null, 2)}\n`,
      "examples.json": readFileSync(pathIn(kind, "examples.json"), "utf8"),
      [handler]: readFileSync(pathIn(kind, handler), "utf8"),
    },
    lacks: named?.find((name) => name === EMBEDDER && !Object.hasOwn(models, name)),
    off,
  };
}
