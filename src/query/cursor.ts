// Opaque cursors: where the next page of a list begins. A cursor names its list, so one from another list,
// or one that was made up, is refused.
import { Buffer } from "node:buffer";
import { z } from "zod";
import { FailureError } from "../shapes/failure.ts";

const cursorSchema = z.strictObject({
  l: z.string(),
  k: z
    .array(z.union([z.string(), z.number()]))
    .min(1)
    .max(3),
});
export type CursorKey = z.infer<typeof cursorSchema>["k"];

export function encodeCursor(list: string, key: CursorKey): string {
  return Buffer.from(JSON.stringify({ l: list, k: key })).toString("base64url");
}

/** The key of `parts` values that a cursor holds. @throws FailureError `invalid` */
export function decodeCursor(list: string, cursor: string | undefined, parts: number): CursorKey | undefined {
  if (cursor === undefined) return undefined;
  const parsed = cursorSchema.safeParse(parseJson(Buffer.from(cursor, "base64url").toString()));
  if (parsed.success && parsed.data.l === list && parsed.data.k.length === parts) return parsed.data.k;
  throw strangeCursor();
}

/** Why a cursor is refused that no page of the list gave. */
export const strangeCursor = () =>
  new FailureError({
    kind: "invalid",
    detail: "the cursor is not one of this list",
    where: "cursor",
    expected: "the `next` of an earlier page of the same list, as it was",
    next: "leave the cursor out to begin at the first page",
  });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
