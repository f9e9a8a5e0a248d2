// Hits as a table whose columns come from their data, in the order of their ranks.

import type { SearchHit } from "../../src/client/client.ts";
import { scoreText } from "../data/format.ts";
import { linkWith, type Route } from "../data/route.ts";
import { ObjectName } from "../parts/basics.tsx";
import { Table } from "../parts/table.tsx";
import { Cell, columnsOf } from "./columns.tsx";
import { spanText } from "./items.tsx";

interface HitTableProps {
  hits: SearchHit[];
  collection: string;
  route: Route;
}

export function HitTable({ hits, collection, route }: HitTableProps) {
  const columns = columnsOf(hits.map(({ data }) => data));
  return (
    <Table label="Hits" heads={["Object", "Score", "Span", ...columns]}>
      {hits.map(({ item, object, score, span, data }) => (
        <tr key={item}>
          <th scope="row">
            <a data-row href={linkWith(route, { collection, item })}>
              <ObjectName bucket={object.bucket} key_={object.key} />
            </a>
          </th>
          <td>{scoreText(score)}</td>
          <td>{spanText(span)}</td>
          {columns.map((name) => (
            <Cell key={name} value={data[name]} />
          ))}
        </tr>
      ))}
    </Table>
  );
}
