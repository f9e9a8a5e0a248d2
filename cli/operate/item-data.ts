// Data of items for a person: a vector is shown by its length and its model, never by its numbers. Pure.
import type { Item } from "./client.ts";

/** Shortest list of numbers that is shown as a vector. */
const MIN_VECTOR = 16;

interface ShownVector {
  vector: number;
  model?: string;
}

/** An item's data with each stored vector, which the API answers as null, as `{ vector, model }`. */
export function itemData({ data, vectors }: Pick<Item, "data" | "vectors">): unknown {
  const models = new Map(vectors.map(({ path, model }) => [path, model]));
  const lengths = new Map(vectors.map(({ path, dims }) => [path, dims]));
  return shown(data, "", (path, value) => {
    const length = value === null ? lengths.get(path) : undefined;
    return length === undefined ? undefined : shownVector(length, models.get(path));
  });
}

/** Data of an invocation with each list of many numbers as `{ vector, model }`; `models` has the model of a path. */
export function withoutNumbers(data: unknown, models: ReadonlyMap<string, string | null>): unknown {
  return shown(data, "", (path, value) => {
    const isVector =
      Array.isArray(value) && value.length >= MIN_VECTOR && value.every((it) => typeof it === "number");
    return isVector ? shownVector((value as number[]).length, models.get(path)) : undefined;
  });
}

const shownVector = (vector: number, model: string | null | undefined): ShownVector => ({
  vector,
  ...(model != null && { model }),
});

/** Copies a value, with what `replaced` has for a path in its place. */
function shown(
  value: unknown,
  path: string,
  replaced: (path: string, value: unknown) => ShownVector | undefined,
): unknown {
  const instead = replaced(path, value);
  if (instead) return instead;
  if (typeof value !== "object" || value === null) return value;
  const copies = Object.entries(value).map(
    ([name, part]) => [name, shown(part, path === "" ? name : `${path}.${name}`, replaced)] as const,
  );
  return Array.isArray(value) ? copies.map(([, part]) => part) : Object.fromEntries(copies);
}
