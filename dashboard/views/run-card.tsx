// A run in short, below its event: how it ended, how long it took, its log, and the items of its object as they are now.
import type { Item, Run } from "../../src/client/client.ts";
import { between, duration, plural } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo, type Route } from "../data/route.ts";
import { Answered } from "../parts/answered.tsx";
import { CollectionLink, Facts, FailureView, Id, PipelineLink, Status, Time } from "../parts/basics.tsx";
import { ItemsOfObject } from "./items.tsx";

const ITEMS = 100;

export function RunCard({ run, route }: { run: Run; route: Route }) {
  return (
    <article class="run" aria-label={`Run of ${run.alias}`}>
      <h4>
        <Status name={run.status} />
        <PipelineLink alias={run.alias} />
        <span class="quiet">{run.attempt > 0 ? `attempt ${run.attempt}` : "not tried yet"}</span>
        <a href={linkTo("runs", run.id)}>Waterfall</a>
      </h4>
      {run.failure && <FailureView failure={run.failure} />}
      <RunFacts run={run} />
      {run.log.length > 0 && (
        <details>
          <summary>Log, {plural(run.log.length, "line")}</summary>
          <pre tabIndex={0}>{run.log.join("\n")}</pre>
        </details>
      )}
      {run.items !== null && run.items > 0 && run.object.key !== "" && (
        <StoredItems run={run} route={route} />
      )}
    </article>
  );
}

export function RunFacts({ run }: { run: Run }) {
  const { created_at, started_at, ended_at, version, commit } = run;
  return (
    <Facts
      of={{
        run: <Id value={run.id} />,
        why: run.cause,
        waited: started_at && created_at && duration(between(created_at, started_at)),
        ran: started_at && duration(between(started_at, ended_at ?? new Date().toISOString())),
        ended: ended_at && <Time at={ended_at} />,
        items: run.items,
        code: version && (
          <code>
            {version.slice(0, 8)} at {commit?.slice(0, 12) || "no commit"}
          </code>
        ),
        reason: run.reason,
      }}
    />
  );
}

/** The items that the collection now has of a run's object, stored by this run or a later one. */
function StoredItems({ run, route }: { run: Run; route: Route }) {
  const pipelines = useAnswer(["pipelines"], (api, signal) => api.listPipelines({ signal }), {
    topics: ["pipelines"],
  });
  const pipeline = pipelines.data?.data.find(({ alias }) => alias === run.alias);
  const collection = pipeline?.config.destination.collection;
  const { bucket, key } = run.object;
  const stored = useAnswer(
    ["items", "of object", collection, bucket, key],
    (api, signal) => api.listItems(collection ?? "", { key, limit: ITEMS }, { signal }),
    { topics: ["items", "runs"], enabled: collection !== undefined },
  );
  if (collection === undefined) return null;
  const isOwn = (item: Item) => item.pipeline === run.alias && item.object.bucket === bucket;
  return (
    <>
      <h5>
        Items of this object now, in <CollectionLink name={collection} />
      </h5>
      <Answered of={stored}>
        {({ data, next }) => (
          <>
            <ItemsOfObject collection={collection} items={data.filter(isOwn)} route={route} />
            {next !== undefined && <p class="quiet">More than these; the collection has them all.</p>}
          </>
        )}
      </Answered>
    </>
  );
}
