// The items of a collection as a table in an order of one's own: columns from their data, a click on a head sorts.
import type { Item } from "../../src/client/client.ts";
import { sentenceOf } from "../data/client.ts";
import { useList } from "../data/queries.ts";
import { linkWith, type Route } from "../data/route.ts";
import { Empty, ObjectName } from "../parts/basics.tsx";
import { Cell, columnsOf } from "./columns.tsx";
import { dataOf, spanOf, spanText } from "./items.tsx";

interface ItemTableProps {
  collection: string;
  route: Route;
}

const PAGE_ITEMS = 100;

/** Names that items are sorted by besides those of their data, with the heads of their columns. */
const OWN_COLUMNS = { "object.key": "Object", "span.start": "Span" } as const;

export function ItemTable({ collection, route }: ItemTableProps) {
  const { filter, sort } = route.query;
  const list = useList(
    ["items", "table", collection, filter, sort],
    (api, cursor, signal) =>
      api.listItems(
        collection,
        { limit: PAGE_ITEMS, ...(cursor && { cursor }), ...(filter && { filter }), ...(sort && { sort }) },
        { signal },
      ),
    { topics: ["items"] },
  );
  if (list.error && list.rows.length === 0) return <Empty>{sentenceOf(list.error)}</Empty>;
  const columns = columnsOf(list.rows.map(dataOf));
  return (
    <>
      <section class="scroll" tabIndex={0} aria-label="Items">
        <table>
          <thead>
            <tr>
              {Object.entries(OWN_COLUMNS).map(([name, head]) => (
                <Sorted key={name} name={name} head={head} route={route} />
              ))}
              {columns.map((name) => (
                <Sorted key={name} name={`data.${name}`} head={name} route={route} />
              ))}
              <Sorted name="stored_at" head="Pipeline, by time" route={route} />
            </tr>
          </thead>
          <tbody>
            {list.rows.map((item) => (
              <ItemRow key={item.id} item={item} columns={columns} collection={collection} route={route} />
            ))}
          </tbody>
        </table>
      </section>
      {list.isSuccess && list.rows.length === 0 && <Empty>No items of this kind.</Empty>}
      {list.hasNextPage && (
        <p>
          <button type="button" onClick={() => void list.fetchNextPage()}>
            More
          </button>
        </p>
      )}
    </>
  );
}

/** The head of a column: sorts by it, the other way round where it is sorted by it already. */
function Sorted({ name, head, route }: { name: string; head: string; route: Route }) {
  const { sort } = route.query;
  const order = sort === name ? "ascending" : sort === `-${name}` ? "descending" : undefined;
  const next = order === "ascending" ? `-${name}` : order === "descending" ? undefined : name;
  return (
    <th scope="col" aria-sort={order}>
      <a href={linkWith(route, { sort: next })}>
        {head}
        {order && <span aria-hidden="true">{order === "ascending" ? " ↑" : " ↓"}</span>}
      </a>
    </th>
  );
}

interface RowProps extends ItemTableProps {
  item: Item;
  columns: string[];
}

function ItemRow({ item, columns, collection, route }: RowProps) {
  const data = dataOf(item);
  return (
    <tr>
      <th scope="row">
        <a data-row href={linkWith(route, { collection, item: item.id })}>
          <ObjectName bucket={item.object.bucket} key_={item.object.key} />
        </a>
      </th>
      <td>{spanText(spanOf(item))}</td>
      {columns.map((name) => (
        <Cell key={name} value={data[name]} />
      ))}
      <td>{item.pipeline}</td>
    </tr>
  );
}
