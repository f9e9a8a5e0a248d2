// One pipeline: its config, its versions with their items, and what can be done with it.
import { plural } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo, type Route } from "../data/route.ts";
import { Act } from "../parts/act.tsx";
import { Answered } from "../parts/answered.tsx";
import { Head, Json, Status, Time } from "../parts/basics.tsx";

export function PipelineDetail({ alias }: { alias: string; route: Route }) {
  const pipelines = useAnswer(["pipelines"], (api, signal) => api.listPipelines({ signal }), {
    topics: ["pipelines", "runs"],
  });
  const versions = useAnswer(["versions", alias], (api, signal) => api.listVersions(alias, { signal }), {
    topics: ["pipelines", "items"],
  });
  const pipeline = pipelines.data?.data.find((each) => each.alias === alias);
  return (
    <section aria-labelledby="view-title">
      <a class="back always" href={linkTo("pipelines")}>
        All pipelines
      </a>
      <Head title={<span id="view-title">{alias}</span>}>
        {pipeline?.paused ? (
          <Act
            label="Resume"
            scope="operate"
            run={(api) => api.resumePipeline(alias)}
            says={() => `${alias} runs again.`}
          />
        ) : (
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
        )}
      </Head>
      {pipeline?.paused && (
        <p class="paused">
          paused: {pipeline.paused.reason}, since <Time at={pipeline.paused.at} />
        </p>
      )}
      <h2>Versions</h2>
      <Answered of={versions}>
        {({ data }) => (
          <ul class="reasons">
            {data.map(({ version, deployed, objects, items, first_seen }) => (
              <li key={version}>
                <Status name={deployed ? "deployed" : "earlier"} />
                <code>{version.slice(0, 8)}</code>
                <span>
                  {plural(items, "item")} of {plural(objects, "object")}
                  {first_seen && (
                    <span class="quiet">
                      , since <Time at={first_seen} />
                    </span>
                  )}
                </span>
              </li>
            ))}
          </ul>
        )}
      </Answered>
      <h2>Config</h2>
      {pipeline && <Json value={pipeline.config} />}
    </section>
  );
}
