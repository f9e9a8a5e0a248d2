// The view of pipelines: what each takes, from where, into what, what it costs, and whether it runs.

import type { Pipeline } from "../../src/client/client.ts";
import { dollars } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo, type Route } from "../data/route.ts";
import { Answered } from "../parts/answered.tsx";
import { CollectionLink, Empty, Head, PipelineLink } from "../parts/basics.tsx";
import { Table } from "../parts/table.tsx";
import { PipelineDetail } from "./pipeline-detail.tsx";

const HEADS = ["Pipeline", "Version", "Takes", "From", "Into", "Cost", "Runs"];

export default function Pipelines({ route }: { route: Route }) {
  const pipelines = useAnswer(["pipelines"], (api, signal) => api.listPipelines({ signal }), {
    topics: ["pipelines", "runs"],
  });
  if (route.id !== undefined) return <PipelineDetail alias={route.id} route={route} key={route.id} />;
  return (
    <section aria-labelledby="view-title">
      <Head title={<span id="view-title">Pipelines</span>} />
      <Answered of={pipelines}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty>
              No pipelines yet. <code>npx weir new</code> makes one.
            </Empty>
          ) : (
            <Table label="Pipelines" heads={HEADS}>
              {data.map((pipeline) => (
                <PipelineRow key={pipeline.alias} pipeline={pipeline} />
              ))}
            </Table>
          )
        }
      </Answered>
    </section>
  );
}

function PipelineRow({
  pipeline: { alias, version, config, paused, problems, cost },
}: {
  pipeline: Pipeline;
}) {
  return (
    <tr>
      <th scope="row" data-row tabIndex={-1}>
        <PipelineLink alias={alias} />
        {problems && problems.length > 0 && <p class="paused">does not build: {problems[0]?.problem}</p>}
        {paused && <p class="paused">paused: {paused.reason}</p>}
      </th>
      <td>
        <code title={version}>{version.slice(0, 8)}</code>
      </td>
      <td>
        <code class="clip">{JSON.stringify(config.source.filters)}</code>
      </td>
      <td>
        <a href={linkTo("connections", config.source.connection_id)}>{config.source.connection_id}</a>
      </td>
      <td>
        <CollectionLink name={config.destination.collection} />
      </td>
      <td title={`${cost.runs} runs, by list prices`}>{dollars(cost.usd)}</td>
      <td>
        <a href={linkTo("runs", undefined, { alias })}>{cost.runs}</a>
      </td>
    </tr>
  );
}
