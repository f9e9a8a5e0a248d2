// The view of runs: their list by status and pipeline, and one of them as a waterfall.
import type { Run } from "../../src/client/client.ts";
import { between, duration } from "../data/format.ts";
import { useList } from "../data/queries.ts";
import { linkTo, linkWith, type Route } from "../data/route.ts";
import { Empty, Head, ObjectName, Status, Time } from "../parts/basics.tsx";
import { List } from "../parts/list.tsx";
import { RunDetail } from "./run-detail.tsx";

const PAGE_RUNS = 50;
const STATUSES = [
  "running",
  "queued",
  "pending",
  "failed",
  "dead",
  "skipped",
  "cancelled",
  "succeeded",
] as const;

export default function Runs({ route }: { route: Route }) {
  const { id, query } = route;
  const { alias, connection, bucket, key } = query;
  const status = STATUSES.find((name) => name === query.status);
  const list = useList(
    ["runs", "list", alias, status, connection, bucket, key],
    (api, cursor, signal) =>
      api.listRuns(
        {
          limit: PAGE_RUNS,
          ...(cursor && { cursor }),
          ...(alias && { alias }),
          ...(status && { status }),
          ...(connection && bucket && key && { connection, bucket, key }),
        },
        { signal },
      ),
    { topics: ["runs"] },
  );
  return (
    <div class="beside" data-open={id !== undefined}>
      <section class="pane" aria-labelledby="view-title">
        <Head title={<span id="view-title">Runs</span>}>
          {alias && <a href={linkWith(route, { alias: undefined })}>only {alias} ×</a>}
          {key && (
            <a href={linkWith(route, { connection: undefined, bucket: undefined, key: undefined })}>
              only {key} ×
            </a>
          )}
          <nav class="tabs" aria-label="Status">
            {STATUSES.map((name) => (
              <a
                key={name}
                href={linkTo("runs", undefined, { alias, status: name === status ? undefined : name })}
                aria-current={name === status ? "true" : undefined}
              >
                {name}
              </a>
            ))}
          </nav>
        </Head>
        {list.isSuccess && list.rows.length === 0 && <Empty>No runs of this kind.</Empty>}
        <List
          rows={list.rows}
          nameOf={(run) => run.id}
          label="Runs"
          onEnd={list.hasNextPage ? list.fetchNextPage : undefined}
        >
          {(run) => <RunRow run={run} isOpen={run.id === id} query={query} />}
        </List>
      </section>
      <section class="pane detail" aria-label="Run">
        {id === undefined ? (
          <Empty>Choose a run to see where its time went.</Empty>
        ) : (
          <RunDetail id={id} route={route} key={id} />
        )}
      </section>
    </div>
  );
}

function RunRow({ run, isOpen, query }: { run: Run; isOpen: boolean; query: Route["query"] }) {
  const { started_at, ended_at } = run;
  return (
    <a
      class="row"
      data-row
      href={linkTo("runs", run.id, { alias: query.alias, status: query.status })}
      aria-current={isOpen ? "true" : undefined}
    >
      <Time at={run.created_at} />
      <span class="quiet">
        {run.alias}
        {started_at && ended_at && `, ${duration(between(started_at, ended_at))}`}
      </span>
      <span class="counts">
        <Status name={run.status} />
      </span>
      <ObjectName bucket={run.object.bucket} key_={run.object.key} />
    </a>
  );
}
