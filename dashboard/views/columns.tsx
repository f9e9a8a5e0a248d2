// Columns of a table from what the rows' data has.
import { preview } from "../data/format.ts";

const MAX_COLUMNS = 8;
const CELL_CHARACTERS = 80;

/** Names of the first level of data, the most frequent first; without what is null, as vectors are. */
export function columnsOf(rows: readonly Record<string, unknown>[]): string[] {
  const counts = new Map<string, number>();
  for (const data of rows)
    for (const [name, value] of Object.entries(data))
      if (value !== null) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name]) => name)
    .slice(0, MAX_COLUMNS);
}

export const Cell = ({ value }: { value: unknown }) => (
  <td>
    {typeof value === "object" && value !== null ? (
      <code>{preview(value, CELL_CHARACTERS)}</code>
    ) : (
      textOf(value)
    )}
  </td>
);

const textOf = (value: unknown) =>
  value === undefined || value === null ? "" : preview(value, CELL_CHARACTERS).replace(/^"|"$/g, "");

/** Names that a filter over these items can have, for the box that takes one. */
export const FieldNames = ({ rows }: { rows: readonly Record<string, unknown>[] }) => (
  <datalist id="fields">
    {[...OWN_NAMES, ...columnsOf(rows).map((name) => `data.${name}`)].map((name) => (
      <option key={name} value={`${name}=`} />
    ))}
  </datalist>
);

const OWN_NAMES = [
  "object.key",
  "object.bucket",
  "object.extension",
  "object.size",
  "object.content_type",
  "span.start",
  "span.end",
  "pipeline",
  "version",
  "stored_at",
];
