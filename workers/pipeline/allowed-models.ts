// Models that a pipeline may use: those that its config.json names, or every one that needs no secret.
import { FailureError } from "../../src/shapes/failure.ts";
import type { Model } from "../../src/shapes/model.ts";

/** Whether a pipeline whose config.json names the models `allowed` may use this one. */
export const isAllowed = (name: string, model: Model, allowed: readonly string[] | undefined): boolean =>
  allowed ? allowed.includes(name) : model.kind !== "http" || model.key === undefined;

/** @throws FailureError `unknown_model` for a model that the pipeline may not use */
export function requireAllowed(name: string, model: Model, allowed: readonly string[] | undefined): void {
  if (isAllowed(name, model, allowed)) return;
  throw new FailureError({
    kind: "unknown_model",
    detail: `The pipeline's config.json does not name the model ${name}.`,
    where: "config.json",
    ...(allowed && { expected: allowed.join(", ") || 'no model: its "models" is empty' }),
    next: `Add "${name}" to "models" in its config.json; its Worker then has the model's secret, too.`,
  });
}
