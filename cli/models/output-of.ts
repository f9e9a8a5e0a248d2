// Which output of a model is the embedding: the only one, or the first of the names that exporters give it.
import { CliError } from "../io/output.ts";
import type { GraphInfo, TensorInfo } from "./onnx-graph.ts";

/** @throws CliError where there are several and none has such a name */
export function outputOf({ outputs }: GraphInfo, names: readonly string[], file: string): TensorInfo {
  const [only, ...others] = outputs;
  if (only && others.length === 0) return only;
  const found = names.flatMap((name) => outputs.filter((output) => output.name === name))[0];
  if (found) return found;
  throw new CliError(
    `${file} has the outputs ${outputs.map(({ name }) => name).join(", ")}, none of which is known to be the embedding. Write the entry by hand, with "output": docs/models.md`,
  );
}
