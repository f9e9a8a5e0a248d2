// Names that a filter over items can use: `object.key`, `data.speaker`, `span.start` … An item is judged as JSON
// (json-view.ts) of this form; store/index/item-json.ts makes it. Free of operators and of judging.
import { pathOf, topOf } from "./attributes.ts";
import { FilterError } from "./error.ts";
import type { Path } from "./types.ts";

/** Names that hold one value each. */
const SCALARS: readonly string[] = [
  ...["connection", "bucket", "key", "name", "extension", "size", "etag", "version_id", "content_type"].map(
    (name) => `object.${name}`,
  ),
  ...["span.start", "span.end", "pipeline", "version", "commit", "time", "stored_at"],
  ...["event", "run", "id", "position"],
];
/** Names that hold further names, which the item's own object and data have. */
const TABLES = ["object.metadata", "data"];
const TOPS = [...new Set([...SCALARS, ...TABLES].map(topOf))];

export const isItemScalar = (written: string) => SCALARS.includes(written);

/** The path of a dotted name over an item. @throws {FilterError} where no item has such a name */
export function itemPath(written: string, at: string): Path {
  const top = topOf(written);
  if (!TOPS.includes(top)) throw new FilterError(at, `one of ${TOPS.join(", ")}`);
  const isInTable = TABLES.some((table) => written.startsWith(`${table}.`));
  if (!isInTable && !isItemScalar(written)) {
    const names = [...SCALARS, ...TABLES].filter((name) => topOf(name) === top);
    throw new FilterError(
      at,
      names.includes(written) ? `a name in it: ${written}.…` : `one of ${names.join(", ")}`,
    );
  }
  return pathOf(written.startsWith("object.metadata.") ? written.toLowerCase() : written, at);
}

/** The attribute of an event whose operators a name of an item takes. */
export function attributeOfItem(path: string): string {
  if (path === "time" || path === "stored_at") return "time";
  return path.startsWith("object.") ? path.slice("object.".length) : path;
}
