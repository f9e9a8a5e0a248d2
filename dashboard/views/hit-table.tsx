// Hits as a table whose columns come from their data.
import type { SearchHit } from "../../src/client/client.ts";
import { position, preview } from "../data/format.ts";
import { linkWith, type Route } from "../data/route.ts";
import { ObjectName } from "../parts/basics.tsx";

interface HitTableProps {
  hits: SearchHit[];
  collection: string;
  route: Route;
}

const MAX_COLUMNS = 8;

export function HitTable({ hits, collection, route }: HitTableProps) {
  const columns = columnsOf(hits);
  return (
    <section class="scroll" tabIndex={0} aria-label="Items">
      <table>
        <thead>
          <tr>
            {["Object", "Span", ...columns].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {hits.map(({ item, object, span, data }) => (
            <tr key={item}>
              <th scope="row">
                <a data-row href={linkWith(route, { collection, item })}>
                  <ObjectName bucket={object.bucket} key_={object.key} />
                </a>
              </th>
              <td>{span && `${position(span.start)}–${position(span.end)}`}</td>
              {columns.map((name) => (
                <td key={name}>{cell(data[name])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Names of the data's first level, the most frequent first; without vectors. */
function columnsOf(hits: SearchHit[]): string[] {
  const counts = new Map<string, number>();
  for (const { data } of hits)
    for (const [name, value] of Object.entries(data))
      if (value !== null && !isVector(value)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name]) => name)
    .slice(0, MAX_COLUMNS);
}

const isVector = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "vector" in value && "model" in value;

const cell = (value: unknown) =>
  value === undefined || value === null ? (
    ""
  ) : typeof value === "object" ? (
    <code>{preview(value, 80)}</code>
  ) : (
    String(value)
  );
