// Checks of every pipeline's filter: that it compiles, and that it agrees with the events of examples.json.
import {
  compileFilter,
  evaluate,
  type Filter,
  FilterError,
  lintFilter,
  viewOf,
} from "../../src/match/index.ts";
import type { PipelineConfig } from "../../src/shapes/config.ts";
import type { Problem } from "../io/json-file.ts";
import { type Example, exampleEvent } from "./examples.ts";
import type { Pipeline, Project } from "./project.ts";

/** Finds filters that do not compile, and examples that a filter decides otherwise than they say. */
export function checkFilters(project: Project): Problem[] {
  return project.pipelines.flatMap((pipeline) => {
    const { config } = pipeline;
    if (!config) return [];
    const compiled = compile(pipeline, config);
    if ("problem" in compiled) return [compiled.problem];
    return pipeline.examples.flatMap((example, index) => {
      const matches = verdict(compiled.filter, example, project, config);
      if (matches === example.matches || !pipeline.files.examples) return [];
      const problem = `The example "${example.name}" ${matches ? "matches" : "does not match"}, but should${matches ? " not" : ""}.`;
      const next = "Change the example, or source.filters in config.json.";
      return [pipeline.files.examples.at([index, "matches"], problem, next)];
    });
  });
}

function compile(pipeline: Pipeline, config: PipelineConfig): { filter: Filter } | { problem: Problem } {
  try {
    return { filter: compileFilter(config.source.filters) };
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const problem = `filters: ${error.message}`;
    return {
      problem: problemOf(
        pipeline,
        error.path,
        problem,
        "The filter language is described in docs/filters.md.",
      ),
    };
  }
}

/** Finds filters that compile but can hardly mean what was written. */
export function doubtFilters(project: Project): Problem[] {
  return project.pipelines.flatMap((pipeline) => {
    const { config } = pipeline;
    if (!config || "problem" in compile(pipeline, config)) return [];
    return lintFilter(config.source.filters).map(({ path, message, suggestion }) =>
      problemOf(pipeline, path, `filters: ${message}`, suggestion && `did you mean ${suggestion}?`),
    );
  });
}

/** Makes a problem at the path of a filter: `key[0].prefx` is source → filters → key → 0 → prefx in config.json. */
function problemOf(pipeline: Pipeline, path: string, problem: string, next?: string): Problem {
  const steps = path.match(/[^.[\]]+/g) ?? [];
  const place = ["source", "filters", ...steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step))];
  return pipeline.files.config.at(place, problem, next);
}

/** Decides an example as after every look-up: an attribute that the example lacks, the object lacks too. */
function verdict(filter: Filter, example: Example, project: Project, config: PipelineConfig): boolean {
  const connection = project.connections[config.source.connection_id];
  const bucket = (connection && connection.kind !== "d1" && connection.buckets[0]) || "bucket";
  const event = exampleEvent(example, config.source.connection_id, bucket);
  const object = {
    content_type: event.content_type ?? null,
    metadata: event.metadata ?? null,
    tags: event.tags ?? {},
  };
  return evaluate(filter, viewOf(event, object)) === true;
}
