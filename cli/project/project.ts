// Reads a project from its folder: connections.json, models.json and pipelines/*, parsed by the schemas of src/shapes.
// validate.ts checks a project that has been read; cli/generate writes files from it.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { z } from "zod";
import { type PipelineConfig, pipelineConfigSchema } from "../../src/shapes/config.ts";
import { type Connections, connectionsSchema, shardCountOf } from "../../src/shapes/connection.ts";
import { MODEL_FIELDS, type Models, modelsSchema } from "../../src/shapes/model.ts";
import { nearest } from "../../src/shapes/nearest.ts";
import { type ProjectSettings, projectSettingsSchema } from "../../src/shapes/project-settings.ts";
import { type JsonFile, type Problem, readJsonFile } from "../io/json-file.ts";
import { suggestion } from "../io/suggest.ts";
import { type Example, examplesSchema } from "./examples.ts";
import { givenValue } from "./given-value.ts";
import { issueWords } from "./issue-words.ts";
import { type CollectionQueries, queriedCollections, queriesPath, queriesSchema } from "./queries.ts";

export interface Pipeline {
  /** Name of the folder, which the alias must equal. */
  name: string;
  /** Path of the folder, relative to the root: `pipelines/<name>`. */
  folder: string;
  config: PipelineConfig | undefined;
  /** Name of the handler file in the folder. */
  handler: "handler.ts" | "handler.py" | undefined;
  examples: Example[];
  files: { config: JsonFile; examples: JsonFile | undefined };
}

export interface Project {
  root: string;
  connections: Connections["connections"];
  /** Number of the ledger's shards. */
  shards: number;
  /** Content of models.json as it is written; versions are hashes of it. */
  models: unknown;
  /** Models of models.json with their defaults; empty where it does not parse. */
  definitions: Models;
  pipelines: Pipeline[];
  /** Pipelines whose config.json says that they are off: nothing but their files' form is checked. */
  off: Pipeline[];
  /** Content of weir.json; its defaults where there is none. */
  settings: ProjectSettings;
  /** Golden queries, by collection. */
  queries: CollectionQueries[];
  files: { connections: JsonFile; models: JsonFile };
  /** Problems of single files, in the order of reading. */
  problems: Problem[];
}

/** Folder of Weir itself, with the Worker sources that projects elsewhere refer to. */
export const packageRoot = join(import.meta.dirname, "../..");
/** Path, relative to a project's root, of the wrangler.toml of a Worker that every project has as it is. */
export const ownConfig = (root: string, worker: "ledger" | "compute" | "search") =>
  relative(root, join(packageRoot, `workers/${worker}/wrangler.toml`));
/** Script of wrangler, to be run by Node. */
export const WRANGLER = join(packageRoot, "node_modules/wrangler/bin/wrangler.js");

/** Reads a project. Never throws for a fault in it: faults are listed in `problems`. */
export function loadProject(root: string): Project {
  const problems: Problem[] = [];
  const read = <T>(name: string, schema: z.ZodType<T>): [JsonFile, T | undefined] => {
    const file = readJsonFile(join(root, name), name);
    problems.push(...file.problems);
    if (file.value === undefined) return [file, undefined];
    const parsed = schema.safeParse(file.value);
    if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => problemsOf(file, issue)));
    return [file, parsed.data];
  };

  const [connectionsFile, connections] = read("connections.json", connectionsSchema);
  const [models, definitions] = read("models.json", modelsSchema);
  const [, settings] = existsSync(join(root, "weir.json")) ? read("weir.json", projectSettingsSchema) : [];
  const queries = queriedCollections(root).map((collection): CollectionQueries => {
    const [file, parsed] = read(queriesPath(collection), queriesSchema);
    return { collection, file, queries: parsed?.queries ?? [] };
  });
  const all = pipelineFolders(root).map((name): Pipeline => {
    const folder = `pipelines/${name}`;
    const [configFile, config] = read(`${folder}/config.json`, pipelineConfigSchema);
    const hasExamples = existsSync(join(root, folder, "examples.json"));
    const [examplesFile, examples] = hasExamples
      ? read(`${folder}/examples.json`, examplesSchema)
      : [undefined, undefined];
    const handler = (["handler.ts", "handler.py"] as const).find((file) =>
      existsSync(join(root, folder, file)),
    );
    return {
      name,
      folder,
      config,
      handler,
      examples: examples ?? [],
      files: { config: configFile, examples: examplesFile },
    };
  });
  return {
    root,
    connections: connections?.connections ?? {},
    shards: shardCountOf(connections ?? {}),
    models: models.value,
    definitions: definitions ?? {},
    pipelines: all.filter(({ config }) => config?.enabled !== false),
    off: all.filter(({ config }) => config?.enabled === false),
    settings: settings ?? projectSettingsSchema.parse({}),
    queries,
    files: { connections: connectionsFile, models },
    problems,
  };
}

function pipelineFolders(root: string): string[] {
  const folder = join(root, "pipelines");
  if (!existsSync(folder)) return [];
  const isPipeline = (name: string) =>
    statSync(join(folder, name)).isDirectory() &&
    ["config.json", "handler.ts", "handler.py"].some((file) => existsSync(join(folder, name, file)));
  return readdirSync(folder).filter(isPipeline).sort();
}

/** Turns a zod issue into problems at their places in the file: one for each unknown field, otherwise one. */
function problemsOf(file: JsonFile, issue: z.core.$ZodIssue): Problem[] {
  const where = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const near = nearest(key, FIELD_NAMES);
      const next = near ? `Did you mean "${near}"?` : "Remove it, or look the fields up in docs/.";
      return file.at([...issue.path, key], `The field "${key}" is unknown.`, next);
    });
  }
  const value = issue.path.reduce(memberOf, file.value);
  const choices = choicesOf(issue);
  if (choices && typeof value === "string")
    return [file.at(issue.path, `${where}: there is no "${value}".`, suggestion(value, choices))];
  return [file.at(issue.path, `${issueWords(issue, where)}${givenValue(value, issue.path)}.`)];
}

/** Values that the issue would accept, where it lists them. */
function choicesOf(issue: z.core.$ZodIssue): string[] | undefined {
  if (issue.code === "invalid_value") return issue.values.map(String);
  return issue.code === "invalid_union" && "options" in issue ? issue.options?.map(String) : undefined;
}

const memberOf = (value: unknown, name: PropertyKey): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;

const FIELD_NAMES = [
  ...MODEL_FIELDS,
  ...Object.keys(pipelineConfigSchema.shape),
  ...Object.keys(pipelineConfigSchema.shape.source.shape),
  ...Object.keys(pipelineConfigSchema.shape.destination.shape),
  ...["max_attempts", "kind", "buckets", "region", "endpoint", "access_key_id", "secret_access_key"],
  ...["compute", "instances", "instance_type"],
  ...["retention", "hot_days", "archive_days"],
  ...[
    "events",
    "database",
    "shards",
    "scheme",
    "secrets",
    "topic_arns",
    "name",
    "event",
    "matches",
    "returns",
  ],
  ...["queries", "text", "like", "mode", "filter", "expect", "item", "bucket", "key", "second"],
];
