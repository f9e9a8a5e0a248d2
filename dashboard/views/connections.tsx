// The connections: how each sender proves itself, what came last, and how to set one up.

import type { Connection } from "../../src/client/client.ts";
import { plural } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo, type Route } from "../data/route.ts";
import { Answered } from "../parts/answered.tsx";
import { Empty, Head, ObjectName, Status, Time } from "../parts/basics.tsx";
import { Table } from "../parts/table.tsx";
import { ConnectionDetail } from "./connection-detail.tsx";

const HEADS = ["Connection", "Is", "Proven by", "Last event", "Last rejection"];

export default function Connections({ route: { id } }: { route: Route }) {
  const connections = useAnswer(["connections"], (api, signal) => api.listConnections({ signal }), {
    topics: ["events", "rejections", "pipelines"],
  });
  return (
    <Answered of={connections}>
      {({ data }) => {
        if (id === undefined) return <AllConnections connections={data} />;
        const found = data.find((each) => each.id === id);
        if (found) return <ConnectionDetail key={id} connection={found} />;
        return (
          <>
            <Head title="Connections" />
            <Empty>
              There is no connection {id}. <a href={linkTo("connections")}>All connections</a>
            </Empty>
          </>
        );
      }}
    </Answered>
  );
}

const AllConnections = ({ connections }: { connections: readonly Connection[] }) => (
  <section aria-labelledby="view-title">
    <Head title={<span id="view-title">Connections</span>} />
    <Table label="Connections" heads={HEADS}>
      {connections.map((connection) => (
        <Row key={connection.id} connection={connection} />
      ))}
    </Table>
  </section>
);

function Row({ connection: it }: { connection: Connection }) {
  const missing = it.secrets.filter(({ is_set }) => !is_set);
  return (
    <tr>
      <th scope="row" data-row tabIndex={-1}>
        <a href={linkTo("connections", it.id)}>{it.id}</a>
        {missing.length > 0 && <p class="paused">{missing.map(({ name }) => name).join(", ")} not set</p>}
      </th>
      <td>
        {it.kind} {it.database ?? it.buckets.join(", ")}
      </td>
      <td>{it.schemes.map(({ scheme }) => scheme).join(", ")}</td>
      <td>{it.last_event && <LastEvent of={it.last_event} />}</td>
      <td>
        {it.last_rejection && (
          <a href={linkTo("rejections", undefined, { connection: it.id })}>
            <Status name="rejected" /> {it.last_rejection.failure.detail}{" "}
            <span class="quiet">
              {plural(it.last_rejection.count, "time")}, <Time at={it.last_rejection.at} />
            </span>
          </a>
        )}
      </td>
    </tr>
  );
}

const LastEvent = ({ of }: { of: NonNullable<Connection["last_event"]> }) =>
  of.id === null ? (
    <Time at={of.at} />
  ) : (
    <a href={linkTo("events", of.id)}>
      <ObjectName bucket={of.bucket ?? ""} key_={of.key ?? ""} />{" "}
      <span class="quiet">
        {of.operation}, <Time at={of.at} />
      </span>
    </a>
  );
