// Where `weir filter` finds filters and events: a pipeline's config, a file, a commit of git, the ledger.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { z } from "zod";
import type { FilterError } from "../../src/match/index.ts";
import { broughtSchema } from "../../src/query/filters.ts";
import { filtersSchema } from "../../src/shapes/config.ts";
import { type JsonFile, type Problem, parseJsonFile, readJsonFile } from "../io/json-file.ts";
import { CliError } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { loadProject } from "../project/project.ts";

export interface Written {
  /** Where it was found, for people. */
  name: string;
  filter: Record<string, unknown>;
  /** The source connection, where it came from a pipeline's config. */
  connection: string | undefined;
  /** Tells a problem at a place in the filter. */
  at(path: string, problem: string, next?: string): Problem;
}

const object = z.record(z.string(), z.unknown());
const configSchema = z.object({
  source: z.object({ connection_id: z.string().optional(), filters: filtersSchema.default({}) }),
});
/** A config is known by its `alias`, which no filter that means anything has beside a `source`. */
const isConfig = (value: unknown) => object.safeParse(value).data?.alias !== undefined;

const configOf = (alias: string) => `pipelines/${alias}/config.json`;

/** The filter of a pipeline of this folder, or of a file: a whole config.json, or a filter alone. */
export function filterNamed(root: string, name: string): Written {
  if (isPipeline(root, name)) return written(readJsonFile(join(root, configOf(name)), configOf(name)));
  const path = resolve(name);
  if (existsSync(path)) return written(readJsonFile(path, shown(path)));
  const { pipelines } = loadProject(root);
  const next = suggestion(
    name,
    pipelines.map((pipeline) => pipeline.name),
  );
  throw new CliError(`"${name}" is neither a pipeline nor a file; ${next}`, [], 2);
}

/** The filter that a change leads to: of a file, of a commit, or, by default, of this folder. */
export function filterAgainst(root: string, alias: string, against: string | undefined): Written {
  if (against === undefined) return filterNamed(root, alias);
  const path = resolve(against);
  if (existsSync(path)) return written(readJsonFile(path, shown(path)));
  const place = `${against}:./${configOf(alias)}`;
  const git = spawnSync("git", ["show", "--end-of-options", place], { cwd: root, encoding: "utf8" });
  if (git.status === 0) return written(parseJsonFile(git.stdout, `${against}:${configOf(alias)}`));
  const why = git.stderr.trim().split("\n")[0] ?? "git is not there";
  throw new CliError(
    `"${against}" is neither a file nor a commit that has ${configOf(alias)}: ${why}`,
    [],
    2,
  );
}

/** An event as a file has it, or the id of one on record. */
export function eventNamed(name: string): z.infer<typeof broughtSchema> | string {
  const path = resolve(name);
  if (!existsSync(path)) {
    if (/^evt_\w+$/.test(name)) return name;
    throw new CliError(`"${name}" is neither a file nor an event's id (evt_…)`, [], 2);
  }
  const file = readJsonFile(path, shown(path));
  if (file.problems.length > 0) throw new CliError("the event is not JSON", file.problems);
  const parsed = broughtSchema.safeParse(file.value);
  if (parsed.success) return parsed.data;
  const next = "an event has bucket, key, type, size, content_type, metadata, tags …: docs/filters.md";
  const problems = parsed.error.issues.map((issue) => file.at(issue.path, issue.message, next));
  throw new CliError("the file holds no event of Weir", problems);
}

/** A refusal as a problem at its place in the file. */
export function refused(source: Written, { path, message, suggestion: meant }: FilterError): CliError {
  const next = meant === undefined ? "the language is docs/filters.md" : `did you mean ${meant}?`;
  return new CliError("the filter does not compile", [source.at(path, message, next)]);
}

export const isPipeline = (root: string, name: string) =>
  /^[a-z0-9-]+$/.test(name) && existsSync(join(root, configOf(name)));

function written(file: JsonFile): Written {
  if (file.problems.length > 0) throw new CliError(`${file.name} cannot be read`, file.problems);
  const whole = isConfig(file.value);
  const parsed = whole ? configSchema.safeParse(file.value) : filtersSchema.safeParse(file.value);
  if (!parsed.success) {
    const expected = "expected a filter, or a pipeline's config with source.filters";
    const [issue] = parsed.error.issues.filter(({ code }) => code === "custom");
    throw new CliError(`${file.name} holds no filter`, [
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

/** As the eye knows it: relative where it is below. */
function shown(path: string): string {
  const below = relative(process.cwd(), path);
  return below.startsWith("..") || isAbsolute(below) ? path : below;
}
