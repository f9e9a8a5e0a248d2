// The items of one object: a strip of its time with each item at its span, and a table of their data.
import type { Item } from "../../src/client/client.ts";
import { position, preview } from "../data/format.ts";
import { linkWith, type Route } from "../data/route.ts";
import { Empty } from "../parts/basics.tsx";

export type ItemSpan = { start: number; end: number };

interface ItemsProps {
  collection: string;
  items: Item[];
  route: Route;
}

export function ItemsOfObject({ collection, items, route }: ItemsProps) {
  const linkOf = (item: Item) => ({
    href: linkWith(route, { collection, item: item.id }),
    "aria-current": item.id === route.query.item ? ("true" as const) : undefined,
  });
  if (items.length === 0) return <Empty>None: they were replaced or removed since.</Empty>;
  return (
    <div class="items">
      <Strip items={items} linkOf={linkOf} />
      <section class="scroll tall" tabIndex={0} aria-label="Items">
        <table>
          <thead>
            <tr>
              {["Item", "Span", "Vectors", "Data"].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {items.map((item) => (
              <tr key={item.id}>
                <th scope="row">
                  <a {...linkOf(item)}>#{item.position}</a>
                </th>
                <td>{spanText(spanOf(item))}</td>
                <td>
                  {item.vectors.map((vector) => (
                    <div key={vector.path}>{vectorText(vector)}</div>
                  ))}
                </td>
                <td>
                  <code>{preview(dataOf(item))}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}

interface StripProps {
  items: Item[];
  linkOf: (item: Item) => { href: string; "aria-current": "true" | undefined };
}

/** A bar for the object's whole time, with each item at its span; nothing where items have no spans. */
function Strip({ items, linkOf }: StripProps) {
  const spans = items.flatMap((item) => {
    const span = spanOf(item);
    return span ? [{ item, span }] : [];
  });
  const end = Math.max(0, ...spans.map(({ span }) => span.end));
  if (end === 0) return null;
  const percent = (seconds: number) => `${((100 * seconds) / end).toFixed(3)}%`;
  return (
    <figure class="strip">
      <div class="track">
        {spans.map(({ item, span }) => (
          <a
            key={item.id}
            {...linkOf(item)}
            href={linkOf(item).href}
            aria-label={`Item ${item.position}, ${spanText(span)}`}
            title={`Item ${item.position}, ${spanText(span)}`}
            style={{ left: percent(span.start), width: percent(span.end - span.start) }}
          />
        ))}
      </div>
      <figcaption>
        <span>{position(0)}</span>
        <span>{position(end)}</span>
      </figcaption>
    </figure>
  );
}

/** The span of an item: of its first vector that has one, else the numbers `start` and `end` of its data. */
export function spanOf({ vectors, data }: Pick<Item, "vectors" | "data">): ItemSpan | null {
  const span = vectors.find((vector) => vector.span !== null)?.span;
  if (span) return span;
  const { start, end } = data;
  return typeof start === "number" && typeof end === "number" ? { start, end } : null;
}

export const spanText = (span: ItemSpan | null): string =>
  span ? `${position(span.start)}–${position(span.end)}` : "";

/** A vector in words: `embedding: 512 numbers, weir/hog-512`. */
export const vectorText = ({ path, dims, model }: Item["vectors"][number]): string =>
  `${path}: ${dims} numbers, ${model ?? "no model"}`;

/** An item's data without the vectors of its first level, which have a column of their own. */
export function dataOf({ data, vectors }: Pick<Item, "vectors" | "data">): Record<string, unknown> {
  const paths = new Set(vectors.map(({ path }) => path));
  return Object.fromEntries(Object.entries(data).filter(([name]) => !paths.has(name)));
}
