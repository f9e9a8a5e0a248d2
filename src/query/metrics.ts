// GET /metrics: counts in the text format that Prometheus and its kin read
// (prometheus.io/docs/instrumenting/exposition_formats). The shards' own counts are kept exact as runs end, so nothing is
// scanned; what D1 is asked is indexed or few.
import { costOf } from "../shapes/cost.ts";
import { MEASURES } from "../shapes/measures.ts";
import { PRICES, type Prices } from "../shapes/prices.ts";
import type { EventStores } from "../store/stores.ts";
import type { IndexLag } from "./index-lag.ts";

/** How far back refusals are counted, ms. */
const RECENT_MS = 300_000;

type Labels = Record<string, string>;
type Sample = [labels: Labels, value: number];

interface Family {
  name: string;
  type: "counter" | "gauge";
  help: string;
  samples: Sample[];
}

/** The counts as text: each family with its help, its type, and a line for each of its samples. */
export async function renderMetrics(
  { ledger, shards }: Pick<EventStores, "ledger" | "shards">,
  now: number,
  lags: readonly IndexLag[],
  prices: Prices = PRICES,
): Promise<string> {
  const [counts, spending, small] = await Promise.all([
    shards.counts(),
    shards.spending(),
    smallCounts(ledger, now),
  ]);
  return [...shardFamilies(counts, now), ...costFamilies(spending, prices), ...small, lagFamily(lags)]
    .map(({ name, type, help, samples }) => {
      const lines = samples.map(([labels, value]) => `${name}${labelled(labels)} ${value}\n`).sort();
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
    })
    .join("");
}

/** `{pipeline="a",status="dead"}`; nothing where there are no labels. */
function labelled(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

type LedgerCounts = Awaited<ReturnType<EventStores["shards"]["counts"]>>;

function shardFamilies(counts: LedgerCounts, now: number): Family[] {
  const oldest = Map.groupBy(counts.open, ({ alias }) => alias);
  return [
    {
      name: "weir_runs_total",
      type: "counter",
      help: "Runs that have ended, by how.",
      samples: counts.ended.map(({ alias, status, runs }) => [{ pipeline: alias, status }, runs]),
    },
    {
      name: "weir_run_seconds_total",
      type: "counter",
      help: "Wall time of the last attempt of runs that have ended.",
      samples: counts.ended.map(({ alias, status, seconds }) => [
        { pipeline: alias, status },
        Number(seconds.toFixed(3)),
      ]),
    },
    {
      name: "weir_runs_open",
      type: "gauge",
      help: "Runs that have not ended, by state.",
      samples: counts.open.map(({ alias, status, runs }) => [{ pipeline: alias, status }, runs]),
    },
    {
      name: "weir_run_oldest_open_seconds",
      type: "gauge",
      help: "Age of the oldest run that has not ended.",
      samples: [...oldest].map(([pipeline, states]) => [
        { pipeline },
        Math.max(0, now - Math.min(...states.map((state) => state.oldest))) / 1000,
      ]),
    },
    {
      name: "weir_dead_letters",
      type: "gauge",
      help: "Dead letters that wait for somebody.",
      samples: counts.letters.map(({ alias, letters }) => [{ pipeline: alias }, letters]),
    },
    {
      name: "weir_ledger_fullest_shard_ratio",
      type: "gauge",
      help: "Bytes of the fullest shard of the ledger over the most that a shard may have.",
      samples: [[{}, fullestRatio(counts.shards)]],
    },
  ];
}

type Spending = Awaited<ReturnType<EventStores["shards"]["spending"]>>;

function costFamilies(spending: Spending, prices: Prices): Family[] {
  return [
    {
      name: "weir_cost_usd_total",
      type: "counter",
      help: "What runs have cost by list prices, dollars.",
      samples: spending.map(({ alias, runs, measures }) => [
        { pipeline: alias },
        Number(costOf(measures, runs, prices).toFixed(6)),
      ]),
    },
    {
      name: "weir_used_total",
      type: "counter",
      help: "What was counted of runs, by what it is.",
      samples: spending.flatMap(({ alias, measures }) =>
        MEASURES.flatMap((what): Sample[] => {
          const value = measures[what];
          return value === undefined ? [] : [[{ pipeline: alias, what }, value]];
        }),
      ),
    },
  ];
}

const lagFamily = (lags: readonly IndexLag[]): Family => ({
  name: "weir_index_lag_seconds",
  type: "gauge",
  help: "Age of the oldest set that a collection in D1 has and its search index does not.",
  samples: lags.map(({ collection, seconds }) => [{ collection }, seconds]),
});

/** Each shard fills by itself: one that is full is not helped by the others. */
const fullestRatio = (shards: LedgerCounts["shards"]) =>
  Number(Math.max(...shards.map(({ bytes, limit_bytes }) => bytes / limit_bytes)).toFixed(4));

/** Counts of D1's small tables, in one round trip. */
async function smallCounts(db: EventStores["ledger"], now: number): Promise<Family[]> {
  const [paused, replays, refused] = await db.batch<{ label: string; value: number }>([
    db.prepare("SELECT alias AS label, 1 AS value FROM paused"),
    db.prepare("SELECT '' AS label, count(*) AS value FROM replays WHERE status = 'active'"),
    db
      .prepare(
        "SELECT connection AS label, sum(count) AS value FROM rejections WHERE at >= ?1 GROUP BY connection",
      )
      .bind(now - RECENT_MS),
  ]);
  const samples = (of: typeof paused, name?: string): Sample[] =>
    (of?.results ?? []).map(({ label, value }) => [name === undefined ? {} : { [name]: label }, value]);
  return [
    {
      name: "weir_pipeline_paused",
      type: "gauge",
      help: "1 for each pipeline that is paused.",
      samples: samples(paused, "pipeline"),
    },
    { name: "weir_replays_active", type: "gauge", help: "Replays under way.", samples: samples(replays) },
    {
      name: "weir_rejections_recent",
      type: "gauge",
      help: "Requests and records refused in the last five minutes.",
      samples: samples(refused, "connection"),
    },
  ];
}
