// The run that a handler is part of, found through AsyncLocalStorage, so that `FileTools` (sdk.ts) needs no argument
// for it. Also the provenance of vectors, remembered beside them without changing them.
import { AsyncLocalStorage } from "node:async_hooks";
import { FailureError } from "../../src/shapes/failure.ts";
import type { Vector } from "../../src/shapes/item.ts";
import type { ComputeClient } from "./compute.ts";

export interface RunContext {
  compute: ComputeClient;
  signal: AbortSignal;
}

const current = new AsyncLocalStorage<RunContext>();

export const withinRun = <T>(context: RunContext, work: () => T): T => current.run(context, work);

export function currentRun(): RunContext {
  const context = current.getStore();
  if (!context) {
    throw new FailureError({
      kind: "handler_failed",
      detail: "FileTools was called outside a handler.",
      next: "Call it inside the function that is given to definePipeline.",
    });
  }
  return context;
}

type Provenance = Pick<Vector, "model" | "span" | "recipe" | "frames">;
const computed = new WeakMap<Float32Array, Provenance>();

/** Remembers a vector's model, recipe, span and frames, for the lineage of its item. Returns the vector. */
export function remember(values: Float32Array, provenance: Provenance): Float32Array {
  computed.set(values, provenance);
  return values;
}

export const provenanceOf = (values: Float32Array): Provenance => computed.get(values) ?? {};
