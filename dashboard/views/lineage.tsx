// An item beside the view that it was opened from: the object itself from the item's span on, where the item came from,
// down to the object's version, the code and the model, and its data.
import type { Item, Lineage } from "../../src/client/client.ts";
import { bytes } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo, linkWith, route as now, type Route } from "../data/route.ts";
import { Answered } from "../parts/answered.tsx";
import { Facts, Id, Json, ObjectName, PipelineLink, Time } from "../parts/basics.tsx";
import { CopyAs } from "../parts/copy-as.tsx";
import { Media } from "../parts/media.tsx";
import { dataOf, spanOf, vectorText } from "./items.tsx";

/** The item that the address names, beside whatever view it is. */
export function LineageBeside() {
  const { query } = now.value;
  const { collection, item } = query;
  if (collection === undefined || item === undefined) return null;
  return <LineageOf collection={collection} id={item} route={now.value} key={`${collection} ${item}`} />;
}

function LineageOf({ collection, id, route }: { collection: string; id: string; route: Route }) {
  const item = useAnswer(
    ["item", collection, id],
    (api, signal) => api.getItem(collection, id, {}, { signal }),
    { topics: [] },
  );
  const lineage = useAnswer(
    ["lineage", collection, id],
    (api, signal) => api.getLineage(collection, id, { signal }),
    { topics: [] },
  );
  return (
    <aside class="lineage" aria-labelledby="lineage-title">
      <div class="head">
        <h2 id="lineage-title">Lineage</h2>
        <a class="close" href={linkWith(route, { collection: undefined, item: undefined })}>
          Close
        </a>
      </div>
      <Answered of={item}>
        {(it) => (
          <Answered of={lineage}>
            {(from) => <ItemInFull collection={collection} item={it} lineage={from} />}
          </Answered>
        )}
      </Answered>
    </aside>
  );
}

interface ItemInFullProps {
  collection: string;
  item: Item;
  lineage: Lineage;
}

function ItemInFull({ collection, item, lineage }: ItemInFullProps) {
  const { object, event, run, pipeline } = lineage;
  return (
    <>
      <Media object={object} span={spanOf(item)} />
      <p class="buttons">
        <a href={linkTo("collections", collection, { like: item.id })}>More like this</a>
        <a href={linkTo("find", undefined, { q: object.key })}>Where is this file?</a>
        <CopyAs
          call={{ method: "GET", path: `/v1/collections/${collection}/items/${item.id}` }}
          code={`await weir.getItem(${JSON.stringify(collection)}, ${JSON.stringify(item.id)})`}
        />
      </p>
      <Facts
        of={{
          item: <Id value={item.id} />,
          collection: `${collection}, position ${item.position}`,
          vectors: item.vectors.length > 0 && (
            <ul>
              {lineage.vectors.map((vector) => (
                <li key={vector.path}>{vectorText(vector)}</li>
              ))}
            </ul>
          ),
          object: <ObjectName bucket={object.bucket} key_={object.key} />,
          "object version": (
            <code>{[object.etag, object.version_id].filter(Boolean).join(" / ") || "unknown"}</code>
          ),
          size: object.size === null ? undefined : bytes(object.size),
          event: (
            <a href={linkTo("events", event.id)}>
              <code>{event.id}</code>
            </a>
          ),
          "event time": <Time at={event.time} />,
          run: (
            <a href={linkTo("runs", run.id)}>
              <code>{run.id}</code>
            </a>
          ),
          stored: <Time at={run.stored_at} />,
          pipeline: <PipelineLink alias={pipeline.alias} />,
          "pipeline version": <code>{pipeline.version}</code>,
          commit: <code>{pipeline.commit || "none"}</code>,
        }}
      />
      <h3>Data</h3>
      <Json value={dataOf(item)} />
    </>
  );
}
