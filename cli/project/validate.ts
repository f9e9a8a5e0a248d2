// `weir validate`: every problem of a project at once, in the order of its files.

import type { Problem } from "../io/json-file.ts";
import { crossCheck, doubtPins } from "./check.ts";
import { checkFilters, doubtFilters } from "./check-filters.ts";
import { checkModels } from "./check-models.ts";
import { findLoops } from "./loops.ts";
import { loadProject } from "./project.ts";

export interface Validation {
  problems: Problem[];
  /** Valid, and probably not what was meant. */
  warnings: Problem[];
  pipelines: number;
  examples: number;
}

/** Reads and checks the project in `root`. `strict` makes problems of the warnings. */
export function validate(root: string, { strict = false }: { strict?: boolean } = {}): Validation {
  const project = loadProject(root);
  const checks = [
    ...crossCheck(project),
    ...checkModels(project),
    ...checkFilters(project),
    ...findLoops(project),
  ];
  const doubts = [...doubtPins(project), ...doubtFilters(project)];
  const problems = [...project.problems, ...checks, ...(strict ? doubts : [])];
  return {
    problems: problems.sort(order),
    warnings: strict ? [] : doubts.sort(order),
    pipelines: project.pipelines.length,
    examples: project.pipelines.reduce((sum, pipeline) => sum + pipeline.examples.length, 0),
  };
}

const order = (a: Problem, b: Problem) =>
  a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1;
