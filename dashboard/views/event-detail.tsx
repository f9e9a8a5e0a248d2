// One event: what happened, what every filter said of it and by which conditions, and the runs that it made.

import { useState } from "preact/hooks";
import type { Event, Why } from "../../src/client/client.ts";
import { bytes, plural, preview } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo, type Route } from "../data/route.ts";
import { Answered } from "../parts/answered.tsx";
import { Empty, Facts, Id, ObjectName, PipelineLink, Status, Time } from "../parts/basics.tsx";
import { Clauses } from "../parts/clauses.tsx";
import { RunCard } from "./run-card.tsx";

const RUNS = 50;

export function EventDetail({ id, route }: { id: string; route: Route }) {
  const event = useAnswer(["event", id], (api, signal) => api.getEvent(id, { signal }), { topics: [] });
  const runs = useAnswer(
    ["runs", "of event", id],
    (api, signal) => api.listRuns({ event_id: id, limit: RUNS }, { signal }),
    { topics: ["runs"] },
  );
  return (
    <>
      <a class="back" href={linkTo("events")}>
        All events
      </a>
      <Answered of={event}>
        {(it) => (
          <>
            <h2>
              <ObjectName bucket={it.bucket} key_={it.key} />
            </h2>
            <EventFacts event={it} />
            <h3>Outcome</h3>
            <Outcome event={it} />
          </>
        )}
      </Answered>
      <h3>Runs</h3>
      <Answered of={runs}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty>This event has no runs.</Empty>
          ) : (
            data.map((run) => <RunCard key={run.id} run={run} route={route} />)
          )
        }
      </Answered>
    </>
  );
}

function EventFacts({ event }: { event: Event }) {
  const code = (value: unknown) => value !== undefined && <code>{preview(value, 400)}</code>;
  return (
    <Facts
      of={{
        event: <Id value={event.id} />,
        "what happened": `${event.type} (${event.operation}), told by ${event.sender} for ${event.connection}`,
        happened: <Time at={event.time} />,
        received: <Time at={event.received_at} />,
        size: event.size === undefined ? undefined : bytes(event.size),
        etag: event.etag && <code>{event.etag}</code>,
        version: event.version_id && <code>{event.version_id}</code>,
        metadata: code(event.metadata),
        tags: code(event.tags),
        payload: code(event.payload),
        object: event.key !== "" && (
          <a href={linkTo("find", undefined, { q: event.key })}>all of this object</a>
        ),
      }}
    />
  );
}

function Outcome({ event }: { event: Event }) {
  const { matched, refused, refused_count } = event.outcome;
  const rows = [
    ...matched.map((alias) => ({ alias, verdict: "matched", reason: "" })),
    ...refused.map(({ alias, reason }) => ({ alias, verdict: "refused", reason })),
  ];
  const hidden = refused_count - refused.length;
  if (rows.length === 0) return <Empty>No filter took part.</Empty>;
  return (
    <ul class="reasons">
      {rows.map((row) => (
        <OutcomeRow key={row.alias} event={event} {...row} />
      ))}
      {hidden > 0 && <li class="quiet">and {plural(hidden, "more refusal")}</li>}
    </ul>
  );
}

interface OutcomeProps {
  event: Event;
  alias: string;
  verdict: string;
  reason: string;
}

/** What one filter said; opened, each of its conditions. */
function OutcomeRow({ event, alias, verdict, reason }: OutcomeProps) {
  const [isOpen, open] = useState(false);
  const why = useAnswer<Why>(
    ["why", event.id, alias],
    (api, signal) => api.explainDecision(event.id, alias, { signal }),
    { topics: [], enabled: isOpen || verdict === "matched" },
  );
  const text = reason || why.data?.reason || "every condition is met";
  return (
    <li>
      <Status name={verdict} />
      <strong>
        <PipelineLink alias={alias} />
      </strong>
      <span>
        {text}{" "}
        <button type="button" class="bare" aria-expanded={isOpen} onClick={() => open(!isOpen)}>
          {isOpen ? "Hide conditions" : "Conditions"}
        </button>
        {isOpen && <Answered of={why}>{({ clauses }) => <Clauses clauses={clauses} />}</Answered>}
      </span>
    </li>
  );
}
