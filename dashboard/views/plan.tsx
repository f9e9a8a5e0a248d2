// The plan of a replay, before anything runs: what it would do, what it replaces, what it takes and costs, and the
// button that runs it.
import type { Replay } from "../../src/client/client.ts";
import { dollars, plural } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { go, linkTo, linkWith, type Route } from "../data/route.ts";
import { Act } from "../parts/act.tsx";
import { Answered } from "../parts/answered.tsx";
import { Empty, FailureView } from "../parts/basics.tsx";
import { PlanFacts, Sample, selectionText } from "./replay-card.tsx";

/** Objects from which on a number has to be typed before they are run. */
const MANY_OBJECTS = 100;

export function PlanView({ id, route }: { id: string; route: Route }) {
  const plan = useAnswer(["replay", id], (api, signal) => api.getReplay(id, { signal }), {
    topics: ["replays"],
  });
  return (
    <section class="panel" aria-labelledby="plan">
      <h2 id="plan">The plan</h2>
      <Answered of={plan}>{(replay) => <Planned replay={replay} route={route} />}</Answered>
    </section>
  );
}

function Planned({ replay, route }: { replay: Replay; route: Route }) {
  const { plan, status, request } = replay;
  const isWhole = status === "done";
  return (
    <>
      <p>
        {selectionText(request.select)} by {request.aliases.join(", ")}
      </p>
      <PlanFacts replay={replay} />
      <ByPipeline replay={replay} />
      <Sample replay={replay} />
      {isWhole && plan.objects === 0 && <Empty>Nothing would run.</Empty>}
      {status === "active" && <p role="status">Still counting…</p>}
      {replay.stopped && <FailureView failure={replay.stopped} />}
      <p class="buttons">
        <a class="button" href={linkWith(route, { plan: undefined, new: "1" })}>
          Change it
        </a>
        {isWhole && plan.objects > 0 && <Run replay={replay} />}
      </p>
    </>
  );
}

/** Why each pipeline's share takes as long as it says; one alone has it in the whole's facts. */
function ByPipeline({ replay: { plan } }: { replay: Replay }) {
  const rows = Object.entries(plan.pipelines);
  return (
    <ul class="plain">
      {rows.map(([alias, { objects, handled, basis }]) => (
        <li key={alias}>
          <strong>{alias}</strong>: {plural(objects, "object")}, its handler runs for {handled}
          {basis && <span class="quiet"> ({basis})</span>}
        </li>
      ))}
    </ul>
  );
}

function Run({ replay: { request, plan } }: { replay: Replay }) {
  const { select, aliases, filter, budget_usd } = request;
  const objects = plural(plan.objects, "object");
  const doing = select.kind === "drift" ? "Repair" : "Replay";
  const { usd } = plan.cost ?? {};
  const costs = usd && usd.high > 0 ? ` It costs ${dollars(usd.low)} to ${dollars(usd.high)}.` : "";
  const replaces =
    plan.replaces.items > 0 ? ` ${plural(plan.replaces.items, "item")} are replaced or removed.` : "";
  return (
    <Act
      label={`${doing} ${objects}`}
      scope="operate"
      confirm={{
        title: `${doing} ${objects}`,
        text: `${aliases.join(", ")} run with the code of now.${replaces}${costs} It can be paused and cancelled; what has run by then stays.`,
        ...(plan.objects > MANY_OBJECTS && { word: String(plan.objects) }),
      }}
      run={async (api) => {
        const [alias = ""] = aliases;
        const isAudit = select.kind === "drift" && aliases.length === 1 && !filter && !budget_usd;
        const started = isAudit
          ? await api.createAudit({ alias, repair: true, ...(select.prefix && { prefix: select.prefix }) })
          : await api.createReplay({
              select,
              aliases,
              ...(filter && { filter }),
              ...(budget_usd && { budget_usd }),
            });
        go(linkTo("replays"));
        return started;
      }}
      says={() => "It is on the way."}
      undo={{
        label: "Cancel it",
        run: (api, { id }) => api.moveReplay(id, "cancel", {}),
        says: "The replay is cancelled.",
      }}
    />
  );
}
