// The view of replays and audits: the selection, the plan and the progress of each.
import type { Replay } from "../../src/client/client.ts";
import { bytes, dollars, duration, plural } from "../data/format.ts";
import { useList } from "../data/queries.ts";
import type { Route } from "../data/route.ts";
import { Act } from "../parts/act.tsx";
import { Empty, Facts, Head, Id, ObjectName, Status, Time } from "../parts/basics.tsx";

const PAGE = 20;
const ENDED_STATUSES = ["succeeded", "skipped", "dead", "cancelled"] as const;

export default function Replays(_: { route: Route }) {
  const list = useList(
    ["replays"],
    (api, cursor, signal) => api.listReplays({ limit: PAGE, ...(cursor && { cursor }) }, { signal }),
    { topics: ["replays", "runs"] },
  );
  return (
    <section aria-labelledby="view-title">
      <Head title={<span id="view-title">Replays</span>} />
      {list.isSuccess && list.rows.length === 0 && (
        <Empty>
          No replays yet. <code>npx weir replay create</code> makes one.
        </Empty>
      )}
      <ul class="cards">
        {list.rows.map((replay) => (
          <ReplayCard key={replay.id} replay={replay} />
        ))}
      </ul>
      {list.hasNextPage && (
        <button type="button" onClick={() => void list.fetchNextPage()}>
          More
        </button>
      )}
    </section>
  );
}

function ReplayCard({ replay }: { replay: Replay }) {
  const { id, request, plan, progress, status } = replay;
  const ended = progress.enqueued - progress.open;
  const counts = ENDED_STATUSES.filter((name) => progress[name] > 0);
  return (
    <li class="run">
      <h4>
        <Status name={request.dry_run && status === "done" ? "planned" : status} />
        {selectionText(request.select)}
        <span class="counts">
          {counts.map((name) => (
            <Status key={name} name={name} count={progress[name]} />
          ))}
        </span>
        <Moves replay={replay} />
      </h4>
      {!request.dry_run && progress.planned !== null && progress.planned > 0 && (
        <progress value={ended} max={progress.planned} aria-label={`Done of ${id}`} />
      )}
      <ReplayFacts replay={replay} />
      {plan.sample.length > 0 && (
        <details>
          <summary>{plan.sample.length < plan.objects ? "Some of its objects" : "Its objects"}</summary>
          <ul class="reasons">
            {plan.sample.map((object) => (
              <li key={`${object.alias} ${object.bucket}/${object.key}`}>
                <Status name={object.why.replaceAll("_", " ")} />
                <strong>{object.alias}</strong>
                <ObjectName bucket={object.bucket} key_={object.key} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

/** What can be done with a replay as it stands. */
function Moves({ replay: { id, status, request } }: { replay: Replay }) {
  if (request.dry_run || (status !== "active" && status !== "paused")) return null;
  const move = (to: "pause" | "resume" | "cancel") => ({
    run: (api: Parameters<Parameters<typeof Act>[0]["run"]>[0]) => api.moveReplay(id, to, {}),
    scope: "operate" as const,
  });
  return (
    <span class="buttons">
      {status === "active" ? (
        <Act label="Pause" {...move("pause")} says={() => "Paused: what runs ends, nothing new begins."} />
      ) : (
        <Act label="Resume" {...move("resume")} says={() => "Goes on."} />
      )}
      <Act
        label="Cancel"
        {...move("cancel")}
        danger
        confirm={{
          title: "Cancel this replay",
          text: "What has run stays; the rest keeps the items that it has.",
        }}
        says={() => "The replay is cancelled."}
      />
    </span>
  );
}

function ReplayFacts({ replay }: { replay: Replay }) {
  const { id, request, plan, progress, phase } = replay;
  const ended = progress.enqueued - progress.open;
  const { usd } = plan.cost ?? {};
  return (
    <Facts
      of={{
        replay: <Id value={id} />,
        pipelines: request.aliases.join(", "),
        filter: request.filter && <code>{JSON.stringify(request.filter)}</code>,
        plan: phase === "planning" ? `${planText(plan)} so far` : planText(plan),
        replaces:
          plan.replaces.items > 0 &&
          `${plural(plan.replaces.items, "item")} of ${plural(plan.replaces.objects, "object")}`,
        "handlers take":
          plan.seconds !== null &&
          plan.seconds > 0 &&
          `about ${duration(plan.seconds * 1000)}, as past runs did`,
        costs:
          usd && usd.high > 0 && `about ${dollars(usd.mean)}, ${dollars(usd.low)} to ${dollars(usd.high)}`,
        progress: !request.dry_run && progress.planned !== null && `${ended} of ${progress.planned}`,
        rate: replay.status === "active" && ended > 0 && `${progress.per_second} a second`,
        left: progress.seconds_left !== null && duration(progress.seconds_left * 1000),
        stopped: replay.stopped?.detail,
        began: <Time at={replay.created_at} />,
        ended: replay.ended_at && <Time at={replay.ended_at} />,
      }}
    />
  );
}

export const planText = ({ objects, bytes: size, passed_over }: Replay["plan"]): string =>
  [plural(objects, "object"), size > 0 && bytes(size), passed_over > 0 && `${passed_over} looked at and left`]
    .filter(Boolean)
    .join(", ");

/** A replay's selection in one line. */
function selectionText(select: Replay["request"]["select"]): string {
  switch (select.kind) {
    case "drift":
      return `Audit${select.prefix ? ` of ${select.prefix}` : ""}`;
    case "listing":
      return `Listing${select.prefix ? ` of ${select.prefix}` : ""}`;
    case "stale":
      return "Stale items";
    case "produced_by":
      return `Made by ${[select.version, select.commit, select.model].filter(Boolean).join(", ")}`;
    case "events":
      return [
        "Events",
        select.status,
        select.since && `since ${select.since}`,
        select.until && `until ${select.until}`,
      ]
        .filter(Boolean)
        .join(" ");
  }
}
