// A pipeline by the name that somebody gave.
import type { Pipelines, Registered } from "../dispatch/pipelines.ts";
import { FailureError } from "../shapes/failure.ts";

/** @throws FailureError `not_found`, with the names that there are */
export function named(alias: string, pipelines: Pipelines): Registered {
  const pipeline = pipelines.get(alias);
  if (pipeline) return pipeline;
  throw new FailureError({
    kind: "not_found",
    detail: `there is no pipeline ${alias.slice(0, 80)}`,
    expected: pipelines.all.map((one) => one.alias).join(", "),
  });
}
