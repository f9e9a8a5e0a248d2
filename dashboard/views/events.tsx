// The view of events: their list as far as it is scrolled, and beside it the one that is chosen.
import type { Event, Run } from "../../src/client/client.ts";
import { plural } from "../data/format.ts";
import { useAnswer, useList } from "../data/queries.ts";
import { linkTo, type Route } from "../data/route.ts";
import { Empty, Head, ObjectName, Status, Time } from "../parts/basics.tsx";
import { List } from "../parts/list.tsx";
import { EventDetail } from "./event-detail.tsx";

const PAGE_EVENTS = 50;
/** The latest runs, whose statuses stand beside their events. */
const RECENT_RUNS = 100;

export default function Events({ route }: { route: Route }) {
  const { id, query } = route;
  const list = useList(
    ["events", query.connection],
    (api, cursor, signal) =>
      api.listEvents(
        {
          limit: PAGE_EVENTS,
          ...(cursor && { cursor }),
          ...(query.connection && { connection: query.connection }),
        },
        { signal },
      ),
    { topics: ["events"] },
  );
  const recent = useAnswer(
    ["runs", "recent"],
    (api, signal) => api.listRuns({ limit: RECENT_RUNS }, { signal }),
    { topics: ["runs"] },
  );
  const byEvent = Map.groupBy(recent.data?.data ?? [], ({ event_id }) => event_id);
  return (
    <div class="beside" data-open={id !== undefined}>
      <section class="pane" aria-labelledby="view-title">
        <Head title={<span id="view-title">Events</span>}>
          {query.connection && <a href={linkTo("events")}>only {query.connection} ×</a>}
        </Head>
        {list.isSuccess && list.rows.length === 0 && (
          <Empty>
            No events yet. Put an object into a bucket that a connection names, or try{" "}
            <code>npx weir put my.mp4 weir-media/my.mp4 --metadata foo=bar</code>.
          </Empty>
        )}
        <List
          rows={list.rows}
          nameOf={(event) => event.id}
          label="Events"
          onEnd={list.hasNextPage ? list.fetchNextPage : undefined}
        >
          {(event) => (
            <EventRow
              event={event}
              runs={byEvent.get(event.id) ?? []}
              isOpen={event.id === id}
              query={query}
            />
          )}
        </List>
      </section>
      <section class="pane detail" aria-label="Event">
        {id === undefined ? (
          <Empty>Choose an event to see why it ran what it ran, and what came of it.</Empty>
        ) : (
          <EventDetail id={id} route={route} key={id} />
        )}
      </section>
    </div>
  );
}

interface RowProps {
  event: Event;
  runs: Run[];
  isOpen: boolean;
  query: Route["query"];
}

function EventRow({ event, runs, isOpen, query }: RowProps) {
  const { matched, refused_count } = event.outcome;
  const connection = query.connection;
  return (
    <a
      class="row"
      data-row
      href={linkTo("events", event.id, { connection })}
      aria-current={isOpen ? "true" : undefined}
    >
      <Time at={event.received_at} />
      <span class="quiet">{event.sender === "replay" ? "replayed" : event.type}</span>
      <span class="counts">
        {runs.length > 0 ? (
          runs.map((run) => <Status key={run.id} name={run.status} />)
        ) : (
          <span class="quiet">
            {matched.length > 0 ? plural(matched.length, "match") : `${refused_count} refused`}
          </span>
        )}
      </span>
      <ObjectName bucket={event.bucket} key_={event.key} />
    </a>
  );
}
