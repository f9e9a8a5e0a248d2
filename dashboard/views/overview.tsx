// The overview: how much passes through, how soon it can be found, what fails, what waits, and what it costs, each with
// the line of its last day.

import type { ComponentChildren } from "preact";
import type { Overview as OverviewAnswer } from "../../src/client/client.ts";
import { bytes, dollars, duration, number, plural, shortNumber } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo, linkWith, type Route } from "../data/route.ts";
import { Answered } from "../parts/answered.tsx";
import { CollectionLink, Empty, Head, PipelineLink, Status, Time } from "../parts/basics.tsx";
import { Chart } from "../parts/chart.tsx";
import { Table } from "../parts/table.tsx";

const SPANS = ["6", "24", "48"] as const;
const SPAN_NAMES: Record<string, string> = { "6": "6 hours", "24": "A day", "48": "Two days" };

export default function Overview({ route }: { route: Route }) {
  const hours = SPANS.find((span) => span === route.query.hours) ?? "24";
  const overview = useAnswer(
    ["overview", hours],
    (api, signal) => api.getOverview({ hours: Number(hours) }, { signal }),
    { topics: ["events", "runs", "dead_letters", "rejections", "pipelines"], keep: true },
  );
  return (
    <section aria-labelledby="view-title">
      <Head title={<span id="view-title">Overview</span>}>
        <nav class="tabs" aria-label="Time">
          {SPANS.map((span) => (
            <a
              key={span}
              href={linkWith(route, { hours: span })}
              aria-current={span === hours ? "true" : undefined}
            >
              {SPAN_NAMES[span]}
            </a>
          ))}
        </nav>
      </Head>
      <Answered of={overview}>
        {(answer) => (
          <>
            <div class="panels lines">
              <Traffic answer={answer} />
            </div>
            <div class="panels">
              <Waiting answer={answer} />
              <Failures answer={answer} />
              <Storage answer={answer} />
            </div>
            <PerPipeline answer={answer} />
          </>
        )}
      </Answered>
    </section>
  );
}

interface PanelProps {
  title: string;
  /** The figure of now or of the whole time, in words. */
  figure: ComponentChildren;
  note?: ComponentChildren;
  children?: ComponentChildren;
}

const Panel = ({ title, figure, note, children }: PanelProps) => (
  <section class="panel">
    <h2>{title}</h2>
    <p class="figure">
      {figure} {note && <span class="note">{note}</span>}
    </p>
    {children}
  </section>
);

const ms = (value: number | null) => (value === null ? "none yet" : duration(value));

function Traffic({ answer: { now, series } }: { answer: OverviewAnswer }) {
  const times = series.at;
  const { succeeded, dead, skipped } = now.ended;
  return (
    <>
      <Panel
        title="Events"
        figure={<a href={linkTo("events")}>{number(now.events)}</a>}
        note={
          now.rejections > 0 && (
            <a href={linkTo("rejections")}>{number(now.rejections)} refused at the door</a>
          )
        }
      >
        <Chart
          label="Events"
          times={times}
          format={shortNumber}
          whole
          series={[
            { label: "events", colour: "--accent", values: series.events },
            { label: "refused", colour: "--bad", values: series.rejections },
          ]}
        />
      </Panel>
      <Panel
        title="From change to stored"
        figure={ms(now.latency.p50_ms)}
        note={`95 of 100 within ${ms(now.latency.p95_ms)}`}
      >
        <Chart
          label="From change to stored"
          times={times}
          format={(value) => (value === 0 ? "0" : duration(value))}
          series={[
            { label: "half within", colour: "--accent", values: series.p50_ms },
            { label: "95 of 100 within", colour: "--warn", values: series.p95_ms },
          ]}
        />
      </Panel>
      <Panel
        title="Runs that ended"
        figure={number(succeeded + dead + skipped)}
        note={dead > 0 ? `${number(dead)} dead` : "none dead"}
      >
        <Chart
          label="Runs that ended"
          times={times}
          format={shortNumber}
          whole
          series={[
            { label: "succeeded", colour: "--good", values: series.succeeded },
            { label: "dead", colour: "--bad", values: series.dead },
          ]}
        />
      </Panel>
      <Panel title="Cost, by list prices" figure={dollars(now.cost_usd)}>
        <Chart
          label="Cost"
          times={times}
          format={dollars}
          series={[{ label: "cost", colour: "--busy", values: series.cost_usd }]}
        />
      </Panel>
    </>
  );
}

function Waiting({ answer: { now, index_lag } }: { answer: OverviewAnswer }) {
  const open = Object.entries(now.open).filter(([, count]) => count > 0);
  const sum = open.reduce((total, [, count]) => total + count, 0);
  return (
    <Panel title="What waits" figure={sum === 0 ? "nothing" : number(sum)}>
      <p class="counts">
        {open.map(([status, count]) => (
          <a key={status} href={linkTo("runs", undefined, { status })}>
            <Status name={status} count={count} />
          </a>
        ))}
      </p>
      {now.oldest_open_at && (
        <p class="quiet">
          the oldest since <Time at={now.oldest_open_at} />
        </p>
      )}
      {now.paused > 0 && (
        <p>
          <a href={linkTo("pipelines")}>{number(now.paused)} paused</a>
        </p>
      )}
      {index_lag
        .filter(({ seconds }) => seconds > 0)
        .map(({ collection, seconds }) => (
          <p key={collection} class="quiet">
            <CollectionLink name={collection} /> waits for its index for {duration(seconds * 1000)}
          </p>
        ))}
    </Panel>
  );
}

function Failures({ answer: { now, failures, causes } }: { answer: OverviewAnswer }) {
  return (
    <Panel
      title="Failures"
      figure={
        now.dead_letters === 0 ? "none wait" : <a href={linkTo("dead-letters")}>{number(now.dead_letters)}</a>
      }
      note={now.dead_letters > 0 && "dead letters wait"}
    >
      {failures.length > 0 && (
        <p class="counts">
          {failures.map(({ kind, runs }) => (
            <Status key={kind} name={kind.replaceAll("_", " ")} count={runs} />
          ))}
        </p>
      )}
      <ul class="plain">
        {causes.map(({ alias, kind, detail, count }) => (
          <li key={`${alias} ${kind} ${detail}`}>
            <a href={linkTo("dead-letters", undefined, { alias })}>{count}×</a> <strong>{alias}</strong>{" "}
            {detail}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Storage({ answer: { storage } }: { answer: OverviewAnswer }) {
  const { collections, databases, ledger_bytes, log_bytes } = storage;
  const items = collections.reduce((sum, each) => sum + each.items, 0);
  const filled = collections.filter((each) => each.items > 0).sort((a, b) => b.items - a.items);
  const empty = collections.length - filled.length;
  return (
    <Panel
      title="Kept"
      figure={plural(items, "item")}
      note={`${bytes(ledger_bytes + log_bytes)} of ledger and log`}
    >
      <ul class="plain">
        {filled.map(({ name, objects, items: count }) => (
          <li key={name}>
            <CollectionLink name={name} />{" "}
            <span class="quiet">
              {plural(count, "item")} of {plural(objects, "object")}
            </span>
          </li>
        ))}
        {empty > 0 && <li class="quiet">{plural(empty, "empty collection")}</li>}
        {databases.map(({ connection, bytes: size }) => (
          <li key={connection} class="quiet">
            {connection}: {size === null ? "did not answer" : bytes(size)}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const HEADS = [
  "Pipeline",
  "Waits",
  "Ended",
  "Dead letters",
  "From change to stored",
  "Objects",
  "Items",
  "Cost",
];

function PerPipeline({ answer: { pipelines } }: { answer: OverviewAnswer }) {
  if (pipelines.length === 0)
    return (
      <Empty>
        No pipelines yet. <code>npx weir new</code> makes one.
      </Empty>
    );
  return (
    <>
      <h2>Pipelines</h2>
      <Table label="Pipelines" heads={HEADS}>
        {pipelines.map((each) => (
          <tr key={each.alias}>
            <th scope="row">
              <PipelineLink alias={each.alias} /> {each.paused && <Status name="paused" />}
            </th>
            <td>{number(Object.values(each.open).reduce((sum, count) => sum + count, 0))}</td>
            <td>
              <a href={linkTo("runs", undefined, { alias: each.alias })}>
                {number(Object.values(each.ended).reduce((sum, count) => sum + count, 0))}
              </a>
            </td>
            <td>{number(each.dead_letters)}</td>
            <td>{ms(each.latency.p50_ms)}</td>
            <td>{number(each.objects)}</td>
            <td>{number(each.items)}</td>
            <td>{dollars(each.cost_usd)}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}
