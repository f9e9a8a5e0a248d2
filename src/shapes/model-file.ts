// Files of models as models.json names them, and where they came from.
import { z } from "zod";

const file = z
  .string()
  .regex(/^models\/[A-Za-z0-9._/-]+$/, "a path below models/, of letters, digits and ._-/")
  .refine((path) => !path.split("/").includes(".."), "a path that stays below models/");
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "the SHA-256 of the file, 64 hex digits in lower case");

/** A file below `models/`. A model's is whole: one that keeps tensors in other files is refused. */
export const keptFile = { file, sha256 };

/** Where `weir models add` had a model from. It decides no vector, and is no part of the definition. */
export const originSchema = z.strictObject({
  /** The hub, or `folder`. */
  hub: z.string().min(1).max(500),
  /** Its name there. */
  id: z.string().min(1).max(200),
  /** The commit that was fetched. */
  revision: z
    .string()
    .regex(/^[0-9a-f]{40}$/, "a commit, 40 hex digits")
    .optional(),
  licence: z.string().min(1).max(200),
  /** What the hub has under which name, and as what file it is kept. Several become one where weights were apart. */
  files: z.array(z.strictObject({ from: z.string().min(1), ...keptFile, bytes: z.int().nonnegative() })),
});
export type ModelOrigin = z.infer<typeof originSchema>;
