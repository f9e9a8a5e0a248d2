// One run as a waterfall: each step from the event to the index with its time, the log beside it, and other runs of the
// same object to compare with.
import type { RunWithHistory } from "../../src/client/client.ts";
import { between, plural } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo, type Route } from "../data/route.ts";
import { Act } from "../parts/act.tsx";
import { Answered } from "../parts/answered.tsx";
import { FailureView, ObjectName, PipelineLink, Status } from "../parts/basics.tsx";
import { Waterfall, type WaterfallStep } from "../parts/waterfall.tsx";
import { RunFacts } from "./run-card.tsx";

const OPEN_STATUSES = ["pending", "queued", "running", "failed"];

export function RunDetail({ id }: { id: string; route: Route }) {
  const run = useAnswer(["run", id], (api, signal) => api.getRun(id, { signal }), { topics: ["runs"] });
  return (
    <>
      <a class="back" href={linkTo("runs")}>
        All runs
      </a>
      <Answered of={run}>{(it) => <RunInFull run={it} />}</Answered>
    </>
  );
}

function RunInFull({ run }: { run: RunWithHistory }) {
  const { object, event_id } = run;
  const event = useAnswer(["event", event_id], (api, signal) => api.getEvent(event_id, { signal }), {
    topics: [],
  });
  const isOpen = OPEN_STATUSES.includes(run.status);
  return (
    <>
      <div class="head">
        <h2>
          <ObjectName bucket={object.bucket} key_={object.key} />
        </h2>
        <Status name={run.status} />
        <PipelineLink alias={run.alias} />
        <a href={linkTo("events", event_id)}>its event</a>
        {isOpen && (
          <Act
            label="Cancel"
            scope="operate"
            danger
            confirm={{
              title: "Cancel this run",
              text: "Its object keeps the items that it has.",
              reason: true,
            }}
            run={(api, reason) => api.cancelRun(run.id, { reason })}
            says={() => "The run is cancelled."}
          />
        )}
      </div>
      {run.failure && <FailureView failure={run.failure} />}
      <Waterfall steps={stepsOf(run, event.data?.received_at)} />
      <RunFacts run={run} />
      {run.log.length > 0 && (
        <>
          <h3>Log, {plural(run.log.length, "line")}</h3>
          <pre tabIndex={0}>{run.log.join("\n")}</pre>
        </>
      )}
    </>
  );
}

/** The steps of a run by the times that are on record: each lasts until the next one begins. */
function stepsOf(run: RunWithHistory, received: string | undefined): WaterfallStep[] {
  const known = [
    ...(received ? [{ name: "received", at: received }] : []),
    ...run.history.flatMap(({ at, status, attempt, cause }) =>
      at ? [{ name: attempt > 1 ? `${status}, attempt ${attempt}` : status, at, detail: cause ?? "" }] : [],
    ),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return known.map((step, index) => {
    const next = known[index + 1]?.at ?? run.ended_at ?? step.at;
    return { ...step, seconds: Math.max(0, between(step.at, next)) / 1000 };
  });
}
