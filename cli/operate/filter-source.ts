// Finds the filters and events of `weir filter`: in a pipeline's config, a file or a git revision, or by the id of a
// recorded event.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { z } from "zod";
import type { FilterError } from "../../src/match/index.ts";
import { broughtSchema } from "../../src/query/filters.ts";
import { filtersSchema } from "../../src/shapes/config.ts";
import { shortParts } from "../../src/shapes/event-id.ts";
import { type JsonFile, type Problem, parseJsonFile, readJsonFile } from "../io/json-file.ts";
import { CliError } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { loadProject } from "../project/project.ts";

export interface FilterSource {
  /** Name of the place that it was found, for a person. */
  name: string;
  filter: Record<string, unknown>;
  /** Source connection, of a filter from a pipeline's config. */
  connection: string | undefined;
  /** Makes a problem at a path of the filter. */
  at(path: string, problem: string, next?: string): Problem;
}

const object = z.record(z.string(), z.unknown());
const configSchema = z.object({
  source: z.object({ connection_id: z.string().optional(), filters: filtersSchema.default({}) }),
});
/** Whether a value is a config rather than a filter: only a config has an `alias`. */
const isConfig = (value: unknown) => object.safeParse(value).data?.alias !== undefined;

const configOf = (alias: string) => `pipelines/${alias}/config.json`;

/** Finds the filter of a pipeline of this project, or in a file with a config or a filter. @throws CliError */
export function filterNamed(root: string, name: string): FilterSource {
  if (isPipeline(root, name)) return filterSourceOf(readJsonFile(join(root, configOf(name)), configOf(name)));
  const path = resolve(name);
  if (existsSync(path)) return filterSourceOf(readJsonFile(path, displayPath(path)));
  const { pipelines } = loadProject(root);
  const next = suggestion(
    name,
    pipelines.map((pipeline) => pipeline.name),
  );
  throw new CliError(`"${name}" is neither a pipeline nor a file. ${next}`, [], 2);
}

/** Finds the changed filter of a pipeline: in a file, at a git revision, or in this tree. @throws CliError */
export function filterAgainst(root: string, alias: string, against: string | undefined): FilterSource {
  if (against === undefined) return filterNamed(root, alias);
  const path = resolve(against);
  if (existsSync(path)) return filterSourceOf(readJsonFile(path, displayPath(path)));
  const place = `${against}:./${configOf(alias)}`;
  const git = spawnSync("git", ["show", "--end-of-options", place], { cwd: root, encoding: "utf8" });
  if (git.status === 0) return filterSourceOf(parseJsonFile(git.stdout, `${against}:${configOf(alias)}`));
  const why = git.stderr.trim().split("\n")[0]?.replace(/\.$/, "") ?? "git cannot be run";
  throw new CliError(
    `"${against}" is neither a file nor a git revision with ${configOf(alias)}: ${why}.`,
    [],
    2,
  );
}

/** Reads the event of a file; the id of a recorded event is returned as it is. @throws CliError */
export function eventNamed(name: string): z.infer<typeof broughtSchema> | string {
  const path = resolve(name);
  if (!existsSync(path)) {
    if (/^evt_\w+$/.test(name) || shortParts(name)) return name;
    throw new CliError(`"${name}" is neither a file nor the id of an event (evt_…).`, [], 2);
  }
  const file = readJsonFile(path, displayPath(path));
  if (file.problems.length > 0) throw new CliError("The event is not JSON.", file.problems);
  const parsed = broughtSchema.safeParse(file.value);
  if (parsed.success) return parsed.data;
  const next =
    "The fields of an event are in docs/filters.md: bucket, key, type, size, content_type, metadata, tags, …";
  const problems = parsed.error.issues.map((issue) => file.at(issue.path, issue.message, next));
  throw new CliError("The file does not hold an event of Weir.", problems);
}

/** Turns a refused filter into an error with the place in its file. */
export function filterProblem(
  source: FilterSource,
  { path, message, suggestion: meant }: FilterError,
): CliError {
  const next =
    meant === undefined ? "The filter language is described in docs/filters.md." : `Did you mean ${meant}?`;
  return new CliError("The filter does not compile.", [source.at(path, message, next)]);
}

export const isPipeline = (root: string, name: string) =>
  /^[a-z0-9-]+$/.test(name) && existsSync(join(root, configOf(name)));

function filterSourceOf(file: JsonFile): FilterSource {
  if (file.problems.length > 0) throw new CliError(`The file ${file.name} cannot be read.`, file.problems);
  const whole = isConfig(file.value);
  const parsed = whole ? configSchema.safeParse(file.value) : filtersSchema.safeParse(file.value);
  if (!parsed.success) {
    const expected = "Expected a filter, or a config.json with source.filters.";
    const [issue] = parsed.error.issues.filter(({ code }) => code === "custom");
    throw new CliError(`The file ${file.name} holds no filter.`, [
      file.at(issue?.path ?? [], issue?.message ?? expected),
    ]);
  }
  const config = whole ? configSchema.parse(file.value) : undefined;
  const above = whole ? ["source", "filters"] : [];
  return {
    name: file.name,
    filter: config ? config.source.filters : filtersSchema.parse(file.value),
    connection: config?.source.connection_id,
    at: (path, problem, next) => {
      const steps = path.match(/[^.[\]]+/g) ?? [];
      const place = steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
      return file.at([...above, ...place], problem, next);
    },
  };
}

/** Path as a person expects it: relative where it is below the current folder. */
function displayPath(path: string): string {
  const below = relative(process.cwd(), path);
  return below.startsWith("..") || isAbsolute(below) ? path : below;
}
