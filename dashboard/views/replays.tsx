// The view of replays and audits: the plan of a new one, and the selection, the plan and the progress of each.
import { useList } from "../data/queries.ts";
import { linkTo, type Route } from "../data/route.ts";
import { Empty, Head } from "../parts/basics.tsx";
import { PlanView } from "./plan.tsx";
import { ReplayCard } from "./replay-card.tsx";
import { ReplayForm } from "./replay-form.tsx";

const PAGE = 20;

export default function Replays({ route }: { route: Route }) {
  const { plan, select } = route.query;
  const isNew = route.query.new !== undefined || (select !== undefined && plan === undefined);
  const list = useList(
    ["replays"],
    (api, cursor, signal) => api.listReplays({ limit: PAGE, ...(cursor && { cursor }) }, { signal }),
    { topics: ["replays", "runs"] },
  );
  return (
    <section aria-labelledby="view-title">
      <Head title={<span id="view-title">Replays</span>}>
        <span class="buttons">
          <a class="button" href={linkTo("replays", undefined, { select: "stale" })}>
            Plan a replay
          </a>
          <a class="button" href={linkTo("replays", undefined, { select: "drift" })}>
            Audit
          </a>
        </span>
      </Head>
      {plan !== undefined && <PlanView id={plan} route={route} key={plan} />}
      {isNew && <ReplayForm route={route} key={JSON.stringify(route.query)} />}
      {list.isSuccess && list.rows.length === 0 && (
        <Empty>
          No replays yet. A replay runs a pipeline as it is now over objects of the past: after its code, its
          filter or its model has changed. Its plan says how many they are, how long they take and what they
          cost, before anything runs.
        </Empty>
      )}
      <ul class="cards">
        {list.rows
          .filter(({ id }) => id !== plan)
          .map((replay) => (
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
