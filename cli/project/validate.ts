// Checks a whole project for `weir validate`, and for every command that needs a project without problems.

import type { Problem } from "../io/json-file.ts";
import { CliError } from "../io/output.ts";
import { crossCheck, doubtPins } from "./check.ts";
import { checkFilters, doubtFilters } from "./check-filters.ts";
import { checkModels } from "./check-models.ts";
import { checkQueries } from "./check-queries.ts";
import { findLoops } from "./loops.ts";
import type { Project } from "./project.ts";

export interface Validation {
  problems: Problem[];
  /** Valid, but probably not meant. */
  warnings: Problem[];
  pipelines: number;
  /** Aliases of pipelines that are off. */
  off: string[];
  examples: number;
  /** Golden queries of all collections. */
  queries: number;
}

/** Finds every problem of a project, in the order of its files. `strict` turns warnings into problems. */
export function validate(project: Project, { strict = false }: { strict?: boolean } = {}): Validation {
  const checks = [
    ...crossCheck(project),
    ...checkModels(project),
    ...checkFilters(project),
    ...checkQueries(project),
    ...findLoops(project),
  ];
  const doubts = [...doubtPins(project), ...doubtFilters(project)];
  const problems = [...project.problems, ...checks, ...(strict ? doubts : [])];
  return {
    problems: problems.sort(order),
    warnings: strict ? [] : doubts.sort(order),
    pipelines: project.pipelines.length,
    off: project.off.map(({ name }) => name),
    examples: project.pipelines.reduce((sum, pipeline) => sum + pipeline.examples.length, 0),
    queries: project.queries.reduce((sum, { queries }) => sum + queries.length, 0),
  };
}

/** Refuses a project that has problems: `outcome` begins the message, "Nothing was deployed". @throws CliError */
export function requireValid(project: Project, outcome: string): void {
  const { problems } = validate(project);
  if (problems.length > 0) throw new CliError(`${outcome}: the project has problems.`, problems);
}

const order = (a: Problem, b: Problem) =>
  a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1;
