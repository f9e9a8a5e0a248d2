// One run as a waterfall: each step from the event to the index with its time, the log beside it, and another run of the
// same object to compare with.
import type { Run, RunWithHistory } from "../../src/client/client.ts";
import { between, clock, duration } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo, linkWith, type Route } from "../data/route.ts";
import { Act } from "../parts/act.tsx";
import { Answered } from "../parts/answered.tsx";
import { Facts, FailureView, ObjectName, PipelineLink, Status, Time } from "../parts/basics.tsx";
import { Waterfall } from "../parts/waterfall.tsx";
import { RunFacts } from "./run-card.tsx";

const OPEN_STATUSES = ["pending", "queued", "running", "failed"];
/** Runs of the same object that can be compared with. */
const OTHER_RUNS = 20;

export function RunDetail({ id, route }: { id: string; route: Route }) {
  const run = useAnswer(["run", id], (api, signal) => api.getRun(id, { signal }), { topics: ["runs"] });
  return (
    <>
      <a class="back" href={linkTo("runs")}>
        All runs
      </a>
      <Answered of={run}>{(it) => <RunInFull run={it} route={route} />}</Answered>
    </>
  );
}

function RunInFull({ run, route }: { run: RunWithHistory; route: Route }) {
  const { object, event_id } = run;
  return (
    <>
      <div class="head">
        <h2>
          <ObjectName bucket={object.bucket} key_={object.key} />
        </h2>
        <Status name={run.status} />
        <PipelineLink alias={run.alias} />
        <a href={linkTo("events", event_id)}>its event</a>
        {OPEN_STATUSES.includes(run.status) && <CancelRun id={run.id} />}
      </div>
      {run.failure && <FailureView failure={run.failure} />}
      <div class="halves">
        <div>
          <h3>Where the time went</h3>
          <Waterfall steps={run.steps} />
        </div>
        <Log run={run} />
      </div>
      <RunFacts run={run} />
      {object.key !== "" && <Compare run={run} route={route} />}
    </>
  );
}

const CancelRun = ({ id }: { id: string }) => (
  <Act
    label="Cancel"
    scope="operate"
    danger
    confirm={{ title: "Cancel this run", text: "Its object keeps the items that it has.", reason: true }}
    run={(api, reason) => api.cancelRun(id, { reason })}
    says={() => "The run is cancelled."}
  />
);

function Log({ run: { logs } }: { run: RunWithHistory }) {
  return (
    <div>
      <h3>Log</h3>
      {logs.length === 0 ? (
        <p class="empty">The handler wrote nothing.</p>
      ) : (
        <ol class="timeline log" aria-label="Log">
          {logs.map(({ at, level, text }) => (
            <li key={`${at} ${text}`} data-level={level}>
              <Time at={at} /> <code>{text}</code>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

/** Another run of the same object beside this one, chosen by the address. */
function Compare({ run, route }: { run: RunWithHistory; route: Route }) {
  const { connection, bucket, key } = run.object;
  const others = useAnswer(
    ["runs", "of object", connection, bucket, key],
    (api, signal) => api.listRuns({ connection, bucket, key, limit: OTHER_RUNS }, { signal }),
    { topics: ["runs"] },
  );
  const chosen = route.query.with;
  const other = useAnswer(["run", chosen], (api, signal) => api.getRun(chosen ?? "", { signal }), {
    topics: [],
    enabled: chosen !== undefined,
  });
  const rest = others.data?.data.filter(({ id }) => id !== run.id) ?? [];
  if (rest.length === 0) return null;
  return (
    <>
      <h3>Other runs of this object</h3>
      <ul class="plain">
        {rest.map((each) => (
          <li key={each.id}>
            <Status name={each.status} /> <a href={linkTo("runs", each.id)}>{each.alias}</a>{" "}
            <span class="quiet">
              <Time at={each.created_at} />
              {`, ${tookText(each)}`}
            </span>{" "}
            <a href={linkWith(route, { with: each.id === chosen ? undefined : each.id })}>
              {each.id === chosen ? "do not compare" : "compare"}
            </a>
          </li>
        ))}
      </ul>
      {chosen !== undefined && <Answered of={other}>{(it) => <Differences run={run} other={it} />}</Answered>}
    </>
  );
}

function Differences({ run, other }: { run: RunWithHistory; other: RunWithHistory }) {
  const rows = {
    pipeline: [run.alias, other.alias],
    status: [run.status, other.status],
    began: [run, other].map(({ started_at }) => (started_at ? clock(started_at, new Date()) : "not yet")),
    took: [tookText(run), tookText(other)],
    items: [run.items, other.items],
    version: [run, other].map(({ version }) => version?.slice(0, 8) ?? "none"),
    commit: [run, other].map(({ commit }) => commit?.slice(0, 12) || "none"),
    etag: [run.object.etag, other.object.etag],
    failure: [run.failure?.detail, other.failure?.detail],
  };
  const differing = Object.entries(rows).filter(([, [mine, theirs]]) => mine !== theirs);
  const text = (value: string | number | null | undefined) => String(value ?? "none");
  return (
    <section aria-label="Comparison" class="run">
      <Facts
        of={Object.fromEntries(
          differing.map(([name, [mine, theirs]]) => [name, `${text(mine)} here, ${text(theirs)} there`]),
        )}
      />
      <Waterfall steps={other.steps} />
    </section>
  );
}

const tookText = ({ started_at, ended_at }: Run): string =>
  started_at && ended_at ? duration(between(started_at, ended_at)) : "not ended";
