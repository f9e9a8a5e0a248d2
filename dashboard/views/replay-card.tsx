// A replay in short: its selection, its plan, how far it is, why it stopped, and what can be done with it.
import type { Replay } from "../../src/client/client.ts";
import { bytes, dollars, duration, plural } from "../data/format.ts";
import { linkTo } from "../data/route.ts";
import { Act } from "../parts/act.tsx";
import { Facts, FailureView, Id, ObjectName, Status, Time } from "../parts/basics.tsx";
import { Form, textIn } from "../parts/form.tsx";
import { Opener } from "../parts/gated.tsx";
import { addressOf } from "./replay-form.tsx";

const ENDED_STATUSES = ["succeeded", "skipped", "dead", "cancelled"] as const;

export function ReplayCard({ replay }: { replay: Replay }) {
  const { id, request, progress, status } = replay;
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
        {request.dry_run && (
          <a href={linkTo("replays", undefined, { ...addressOf(request), plan: id })}>The plan</a>
        )}
        <Moves replay={replay} />
      </h4>
      {!request.dry_run && progress.planned !== null && progress.planned > 0 && (
        <progress value={ended} max={progress.planned} aria-label={`Done of ${id}`} />
      )}
      <ReplayFacts replay={replay} />
      {replay.stopped && <FailureView failure={replay.stopped} />}
      <Sample replay={replay} />
    </li>
  );
}

/** Some of the objects that it is of. */
export function Sample({ replay: { plan } }: { replay: Replay }) {
  if (plan.sample.length === 0) return null;
  return (
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
  );
}

/** What can be done with a replay as it stands. */
function Moves({ replay }: { replay: Replay }) {
  const { id, status, request } = replay;
  if (request.dry_run || (status !== "active" && status !== "paused")) return null;
  const move = (to: "pause" | "resume" | "cancel") => ({
    run: (api: Parameters<Parameters<typeof Act>[0]["run"]>[0]) => api.moveReplay(id, to, {}),
    scope: "operate" as const,
  });
  return (
    <span class="buttons">
      {status === "active" ? (
        <Act
          label="Pause"
          {...move("pause")}
          says={() => "Paused: what runs ends, nothing new begins."}
          undo={{ label: "Resume", run: (api) => api.moveReplay(id, "resume", {}), says: "Goes on." }}
        />
      ) : (
        <Resume replay={replay} />
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

/** Goes on with a replay: one that stopped by itself asks for what it stopped for. */
function Resume({ replay: { id, plan, request, stopped, spent_usd } }: { replay: Replay }) {
  const { orphaned = 0 } = plan.by_why;
  if (stopped && request.budget_usd !== undefined && spent_usd >= request.budget_usd)
    return (
      <Opener label="Resume with more" title="Resume with a higher budget" scope="operate">
        {(close) => (
          <Form
            submit="Resume"
            onClose={close}
            run={(api, values) =>
              api.moveReplay(id, "resume", { budget_usd: Number(textIn(values, "budget")) })
            }
            onDone={close}
          >
            <label>
              Budget in all, dollars
              <input name="budget" type="number" min={spent_usd} step="any" required />
            </label>
          </Form>
        )}
      </Opener>
    );
  return (
    <Act
      label={stopped ? "Resume all the same" : "Resume"}
      scope="operate"
      run={(api) => api.moveReplay(id, "resume", {})}
      says={() => "Goes on."}
      {...(stopped && {
        danger: true,
        confirm: {
          title: "Resume all the same",
          text: `It stopped by itself: ${stopped.detail} Resumed, it does what it stopped before.`,
          ...(orphaned > 0 && { word: String(orphaned) }),
        },
      })}
    />
  );
}

function ReplayFacts({ replay }: { replay: Replay }) {
  const { id, request, progress } = replay;
  const ended = progress.enqueued - progress.open;
  return (
    <>
      <PlanFacts replay={replay} />
      <Facts
        of={{
          replay: <Id value={id} />,
          pipelines: request.aliases.join(", "),
          filter: request.filter && <code>{JSON.stringify(request.filter)}</code>,
          spent:
            replay.spent_usd > 0 &&
            `${dollars(replay.spent_usd)}${request.budget_usd ? ` of ${dollars(request.budget_usd)}` : ""}`,
          progress: !request.dry_run && progress.planned !== null && `${ended} of ${progress.planned}`,
          rate: replay.status === "active" && ended > 0 && `${progress.per_second} a second`,
          left: progress.seconds_left !== null && duration(progress.seconds_left * 1000),
          began: <Time at={replay.created_at} />,
          ended: replay.ended_at && <Time at={replay.ended_at} />,
        }}
      />
    </>
  );
}

/** What a replay comes to. */
export function PlanFacts({ replay: { plan, phase } }: { replay: Replay }) {
  const { usd } = plan.cost ?? {};
  return (
    <Facts
      of={{
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
      }}
    />
  );
}

const planText = ({ objects, bytes: size, passed_over }: Replay["plan"]): string =>
  [plural(objects, "object"), size > 0 && bytes(size), passed_over > 0 && `${passed_over} looked at and left`]
    .filter(Boolean)
    .join(", ");

/** A replay's selection in one line. */
export function selectionText(select: Replay["request"]["select"]): string {
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
