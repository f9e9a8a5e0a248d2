// Where is my file: what happened to the objects that a key, a prefix or an id names, step by step, by each pipeline.
import type { Located, LocatedObject } from "../../src/client/client.ts";
import { plural } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { go, linkTo, linkWith, type Route } from "../data/route.ts";
import { Answered } from "../parts/answered.tsx";
import { Empty, Head, ObjectName, PipelineLink, Status, Time } from "../parts/basics.tsx";
import { Clauses } from "../parts/clauses.tsx";

const KINDS: Record<Located["found"]["kind"], string> = {
  key: "An object of this name",
  prefix: "Objects whose names begin so",
  event: "The object of this event",
  run: "The object of this run",
  item: "The object of this item",
  replay: "A replay",
  nothing: "Nothing",
};

export default function Find({ route }: { route: Route }) {
  const { q } = route.query;
  const located = useAnswer(["locate", q], (api, signal) => api.locate({ q: q ?? "" }, { signal }), {
    topics: ["events", "runs", "items"],
    enabled: q !== undefined,
    keep: true,
  });
  return (
    <section aria-labelledby="view-title">
      <Head title={<span id="view-title">Where is my file?</span>} />
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          const text = String(new FormData(event.currentTarget).get("q") ?? "").trim();
          go(linkWith(route, { q: text }));
        }}
      >
        <input
          key={q}
          name="q"
          type="search"
          aria-label="A key, the beginning of one, or an id"
          placeholder="videos/2026/beach.mp4, videos/, evt_…, run_…, itm_…"
          defaultValue={q ?? ""}
          autocomplete="off"
        />
        <button type="submit">Find</button>
      </form>
      {q === undefined ? (
        <Empty>
          Give an object's key, the beginning of one, or the id of an event, a run, an item or a replay. The
          answer says who reported it, which pipelines took it and which did not and why, how far it has come,
          and since when it can be found.
        </Empty>
      ) : (
        <Answered of={located}>{(answer) => <Answer answer={answer} />}</Answered>
      )}
    </section>
  );
}

function Answer({ answer: { found, data, more } }: { answer: Located }) {
  if (found.kind === "replay")
    return (
      <p>
        This is a replay. <a href={linkTo("replays")}>All replays</a>
      </p>
    );
  if (data.length === 0)
    return (
      <Empty>
        Weir knows of no such object: no event of it is on record and no collection holds items of it. Has its
        sender reached Weir? <a href={linkTo("rejections")}>Rejections</a> says what was refused, and{" "}
        <a href={linkTo("connections")}>Connections</a> what came last.
      </Empty>
    );
  return (
    <>
      <p class="quiet" role="status">
        {KINDS[found.kind]}
        {data.length > 1 && `, ${plural(data.length, "object")}${more ? " and more" : ""}`}
      </p>
      {data.map((object) => (
        <Found
          key={`${object.connection} ${object.bucket} ${object.key}`}
          object={object}
          isOpen={data.length === 1}
        />
      ))}
    </>
  );
}

function Found({ object, isOpen }: { object: LocatedObject; isOpen: boolean }) {
  return (
    <details class="run located" open={isOpen}>
      <summary data-row>
        <Status name={object.state} /> <ObjectName bucket={object.bucket} key_={object.key} />{" "}
        <span class="quiet">{object.says}</span>
      </summary>
      <div class="halves">
        <ol class="timeline" aria-label="What happened">
          {object.timeline.map(({ at, step, text }) => (
            <li key={`${at} ${step} ${text}`}>
              <Time at={at} /> <strong>{step}</strong> {text}
            </li>
          ))}
        </ol>
        <div>
          {object.event && (
            <p>
              <a href={linkTo("events", object.event.id)}>The event</a>{" "}
              <a
                href={linkTo("runs", undefined, {
                  connection: object.connection,
                  bucket: object.bucket,
                  key: object.key,
                })}
              >
                All its runs
              </a>
            </p>
          )}
          <ul class="reasons">
            {object.pipelines.map((step) => (
              <PipelineStep key={step.alias} step={step} />
            ))}
          </ul>
          {object.stored.length > 0 && <Stored stored={object.stored} />}
        </div>
      </div>
    </details>
  );
}

function PipelineStep({ step }: { step: LocatedObject["pipelines"][number] }) {
  const { alias, matched, reason, clauses, run, findable_at } = step;
  // One alone is named by the reason.
  const unmet = matched ? [] : clauses.filter(({ verdict }) => verdict !== true);
  return (
    <li>
      <Status name={run?.status ?? (matched ? "waiting" : "refused")} />
      <strong>
        <PipelineLink alias={alias} />
      </strong>
      <div>
        {reason}
        {run && (
          <>
            {" "}
            <a href={linkTo("runs", run.id)}>its run</a>
          </>
        )}
        {findable_at && (
          <span class="quiet">
            , can be found since <Time at={findable_at} />
          </span>
        )}
        {unmet.length > 1 && <Clauses clauses={unmet} />}
      </div>
    </li>
  );
}

const Stored = ({ stored }: { stored: LocatedObject["stored"] }) => (
  <ul class="reasons">
    {stored.map(({ alias, items, version, stale, stored_at }) => (
      <li key={alias}>
        <Status name={stale ? "stale" : "stored"} />
        <strong>
          <PipelineLink alias={alias} />
        </strong>
        <span>
          {items === null ? "items" : plural(items, "item")}
          {version && ` of version ${version.slice(0, 8)}`}, <Time at={stored_at} />
        </span>
      </li>
    ))}
  </ul>
);
