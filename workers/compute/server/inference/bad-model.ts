// The failure of a model that cannot do what models.json says, free of the native runtime.
import { FailureError, fail } from "../../../../src/shapes/failure.ts";

export const badModel = (detail: string, next?: string): FailureError =>
  new FailureError(fail("bad_model", detail, { where: "models.json", ...(next && { next }) }).failure);
