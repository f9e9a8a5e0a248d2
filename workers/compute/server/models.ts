// models.json: which names there are and what computes each. Read once at start; an answer always names
// the model that really ran, whatever name was asked for.
import { z } from "zod";
import { fail, ok, type Result } from "../../../src/shapes/failure.ts";

/** What is built in, and what each can take. */
export const BUILTINS = {
  "weir/hog-512": { kinds: ["video", "image"] },
  "weir/pdq-256": { kinds: ["video", "image"] },
} as const;
export type Builtin = keyof typeof BUILTINS;
export type MediaKind = "video" | "image";

const modelSchema = z.strictObject({
  kind: z.literal("builtin"),
  builtin: z.enum(Object.keys(BUILTINS) as [Builtin, ...Builtin[]]),
});

/** The file models.json: a model's name, and what it is. */
export const modelsSchema = z.record(z.string().min(1).max(200), modelSchema);
export type Models = z.infer<typeof modelsSchema>;

/** The builtin behind a name, or what names there are. */
export function findModel(models: Models, name: string, kind: MediaKind): Result<Builtin> {
  const known = Object.keys(models).sort().join(", ");
  const model = Object.hasOwn(models, name) ? models[name] : undefined;
  const next = "Name one of these, or add it to models.json.";
  if (!model)
    return fail("unknown_model", `there is no model ${name}`, { where: "model", expected: known, next });
  const kinds: readonly MediaKind[] = BUILTINS[model.builtin].kinds;
  if (kinds.includes(kind)) return ok(model.builtin);
  const able = Object.keys(models).filter((other) => {
    const takes: readonly MediaKind[] = BUILTINS[models[other]?.builtin ?? "weir/hog-512"].kinds;
    return takes.includes(kind);
  });
  return fail("unknown_model", `${name} takes ${kinds.join(" and ")}, not ${kind}`, {
    where: "model",
    expected: able.sort().join(", "),
    next,
  });
}
