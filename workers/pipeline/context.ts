// The run that a handler is part of, found through AsyncLocalStorage, so that `FileTools` needs no
// argument for it. Also remembers what computed a vector, without changing the vector itself.
import { AsyncLocalStorage } from "node:async_hooks";
import { FailureError } from "../../src/shapes/failure.ts";
import type { Vector } from "../../src/shapes/item.ts";
import type { Compute } from "./compute.ts";

export interface RunContext {
  compute: Compute;
  signal: AbortSignal;
}

const current = new AsyncLocalStorage<RunContext>();

export const withinRun = <T>(context: RunContext, work: () => T): T => current.run(context, work);

export function currentRun(): RunContext {
  const context = current.getStore();
  if (!context) {
    throw new FailureError({
      kind: "handler_failed",
      detail: "FileTools was called outside a handler",
      next: "call it inside the function given to definePipeline",
    });
  }
  return context;
}

type Provenance = Pick<Vector, "model" | "span" | "recipe">;
const computed = new WeakMap<Float32Array, Provenance>();

/** Notes which model made a vector, and of what span, for its item's lineage. */
export function remember(values: Float32Array, provenance: Provenance): Float32Array {
  computed.set(values, provenance);
  return values;
}

export const provenanceOf = (values: Float32Array): Provenance => computed.get(values) ?? {};
