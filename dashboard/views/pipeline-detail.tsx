// One pipeline: what it takes, what waits and what failed, its versions with what is stale, its config and its code.
import type { PipelineInFull, Version } from "../../src/client/client.ts";
import { sentencesIn } from "../data/filter-words.ts";
import { dollars, duration, plural } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo, type Route } from "../data/route.ts";
import { Act } from "../parts/act.tsx";
import { Answered } from "../parts/answered.tsx";
import { CollectionLink, Facts, Head, Json, Status, Time } from "../parts/basics.tsx";
import { Problems } from "../parts/problems.tsx";
import { Invoke } from "./invoke.tsx";

export function PipelineDetail({ alias }: { alias: string; route: Route }) {
  const pipeline = useAnswer(["pipeline", alias], (api, signal) => api.getPipeline(alias, { signal }), {
    topics: ["pipelines", "runs", "items", "dead_letters"],
  });
  return (
    <section aria-labelledby="view-title">
      <a class="back always" href={linkTo("pipelines")}>
        All pipelines
      </a>
      <Head title={<span id="view-title">{alias}</span>}>
        {pipeline.data && (
          <span class="buttons">
            <Invoke pipeline={pipeline.data} />
            <PauseOrResume pipeline={pipeline.data} />
            <a class="button" href={linkTo("sandbox", undefined, { alias })}>
              Try its filter
            </a>
            <a
              class="button"
              href={linkTo("replays", undefined, { select: "drift", alias })}
              title="Compare its bucket with its collection"
            >
              Audit
            </a>
          </span>
        )}
      </Head>
      <Answered of={pipeline}>{(it) => <Body pipeline={it} />}</Answered>
    </section>
  );
}

function PauseOrResume({ pipeline: { alias, paused } }: { pipeline: PipelineInFull }) {
  if (paused)
    return (
      <Act
        label="Resume"
        scope="operate"
        run={(api) => api.resumePipeline(alias)}
        says={() => `${alias} runs again.`}
      />
    );
  return (
    <Act
      label="Pause"
      scope="operate"
      confirm={{
        title: `Pause ${alias}`,
        text: "Its events are taken in and wait. Nothing is lost; resuming runs them.",
        reason: true,
      }}
      run={(api, reason) => api.pausePipeline(alias, { reason })}
      says={() => `${alias} is paused; its events wait.`}
      undo={{ label: "Resume", run: (api) => api.resumePipeline(alias), says: `${alias} runs again.` }}
    />
  );
}

const Body = ({ pipeline }: { pipeline: PipelineInFull }) => (
  <>
    <Problems of={pipeline.problems} />
    {pipeline.paused && (
      <p class="paused">
        paused: {pipeline.paused.reason}, since <Time at={pipeline.paused.at} />
      </p>
    )}
    <div class="halves">
      <About pipeline={pipeline} />
      <div>
        <Queue pipeline={pipeline} />
        <Failures pipeline={pipeline} />
      </div>
    </div>
    <h2>Versions</h2>
    <Stale pipeline={pipeline} />
    <ul class="reasons">
      {pipeline.versions.map((version) => (
        <VersionRow key={version.version} alias={pipeline.alias} version={version} />
      ))}
    </ul>
    <h2>Code</h2>
    {pipeline.source ? (
      <>
        <p class="hint">
          <code>{pipeline.source.file}</code>, as it is bundled: with what it imports, without comments
        </p>
        <pre tabIndex={0}>{pipeline.source.text}</pre>
      </>
    ) : (
      <p class="empty">The registry has no room for its code; the repository has it.</p>
    )}
    <h2>Config</h2>
    <Json value={pipeline.config} />
  </>
);

function About({ pipeline }: { pipeline: PipelineInFull }) {
  const { config, version, average } = pipeline;
  const { seconds, usd, runs } = average;
  const cost = useAnswer(["pipelines"], (api, signal) => api.listPipelines({ signal }), {
    topics: ["pipelines", "runs"],
  }).data?.data.find(({ alias }) => alias === pipeline.alias)?.cost;
  const conditions = sentencesIn(config.source.filters);
  return (
    <Facts
      of={{
        from: <a href={linkTo("connections", config.source.connection_id)}>{config.source.connection_id}</a>,
        takes:
          conditions.length === 0 ? (
            "every event but reads"
          ) : (
            <ul>
              {conditions.map((text) => (
                <li key={text}>{text}</li>
              ))}
            </ul>
          ),
        into: <CollectionLink name={config.destination.collection} />,
        version: <code title={version}>{version.slice(0, 8)}</code>,
        "a run takes": seconds !== null && `${duration(seconds * 1000)}, of ${plural(runs, "run")}`,
        "a run costs": usd !== null && `about ${dollars(usd)}`,
        "in all": cost && `${plural(cost.runs, "run")}, ${dollars(cost.usd)}`,
        today:
          cost &&
          cost.usd_today !== null &&
          `${dollars(cost.usd_today)} of ${dollars(config.budget?.usd_per_day ?? 0)}`,
      }}
    />
  );
}

function Queue({ pipeline: { alias, open, oldest_open_at } }: { pipeline: PipelineInFull }) {
  const waiting = Object.entries(open).filter(([, count]) => count > 0);
  return (
    <>
      <h3>Waiting</h3>
      {waiting.length === 0 ? (
        <p class="quiet">Nothing waits.</p>
      ) : (
        <p class="counts">
          {waiting.map(([status, count]) => (
            <a key={status} href={linkTo("runs", undefined, { alias, status })}>
              <Status name={status} count={count} />
            </a>
          ))}
          <span class="quiet">
            the oldest since <Time at={oldest_open_at} />
          </span>
        </p>
      )}
    </>
  );
}

function Failures({ pipeline: { alias, causes, dead_letters } }: { pipeline: PipelineInFull }) {
  return (
    <>
      <h3>Failures</h3>
      {dead_letters === 0 ? (
        <p class="quiet">No dead letters.</p>
      ) : (
        <>
          <ul class="plain">
            {causes.map(({ kind, detail, count, run_id }) => (
              <li key={`${kind} ${detail}`}>
                <a href={linkTo("runs", run_id)}>{plural(count, "run")}</a>{" "}
                <strong>{kind.replaceAll("_", " ")}</strong> {detail}
              </li>
            ))}
          </ul>
          <a href={linkTo("dead-letters", undefined, { alias })}>
            {plural(dead_letters, "dead letter")}: redrive or drop
          </a>
        </>
      )}
    </>
  );
}

function Stale({ pipeline: { alias, stale } }: { pipeline: PipelineInFull }) {
  if (stale.objects === 0) return <p class="quiet">Every item is of the deployed version.</p>;
  return (
    <p>
      {plural(stale.items, "item")} of {plural(stale.objects, "object")} are of other versions.{" "}
      <a href={linkTo("replays", undefined, { select: "stale", alias })}>Replay the stale ones</a>
    </p>
  );
}

const VersionRow = ({ alias, version: it }: { alias: string; version: Version }) => (
  <li>
    <Status name={it.deployed ? "deployed" : "earlier"} />
    <code title={it.version}>{it.version.slice(0, 8)}</code>
    <span>
      {plural(it.items, "item")} of {plural(it.objects, "object")}
      {it.first_seen && (
        <span class="quiet">
          , since <Time at={it.first_seen} />
        </span>
      )}
      {it.commits.length > 0 && (
        <span class="quiet">, at {it.commits.map((commit) => commit.slice(0, 8)).join(", ")}</span>
      )}
      {!it.deployed && it.objects > 0 && (
        <>
          {" "}
          <a href={linkTo("replays", undefined, { select: "produced_by", version: it.version, alias })}>
            Replay these
          </a>
        </>
      )}
    </span>
  </li>
);
