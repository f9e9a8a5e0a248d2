// GET /metrics: the ledger's counts in the text format that Prometheus and its kin read
// (prometheus.io/docs/instrumenting/exposition_formats). One round trip; what it counts is indexed or few.
import type { D1Database } from "@cloudflare/workers-types";

/** How far back refusals are counted, ms. */
const RECENT_MS = 300_000;

interface Sample {
  /** A JSON object, label to value. */
  labels: string;
  value: number;
}

/** The counts as text: each family with its help, its type, and a line for each of its samples. */
export async function renderMetrics(db: D1Database, now: number): Promise<string> {
  const counted = await db.batch<Sample>(
    FAMILIES.map(({ sql, given: parametersAt = none }) => db.prepare(sql).bind(...parametersAt(now))),
  );
  return FAMILIES.map(({ name, type, help }, index) => {
    const lines = (counted[index]?.results ?? []).map(
      ({ labels, value }) => `${name}${labelled(labels)} ${value}\n`,
    );
    return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
  }).join("");
}

/** `{pipeline="a",status="dead"}` of a JSON object; nothing of an empty one. */
function labelled(json: string): string {
  const labels = Object.entries(JSON.parse(json) as Record<string, string>).map(
    ([name, value]) => `${name}="${value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`,
  );
  return labels.length === 0 ? "" : `{${labels.join(",")}}`;
}

interface Family {
  name: string;
  type: "counter" | "gauge";
  help: string;
  sql: string;
  /** The statement's parameters at a time, ms. */
  given?(now: number): number[];
}
const none = (): number[] => [];

const FAMILIES: Family[] = [
  {
    name: "weir_runs_total",
    type: "counter",
    help: "Runs that have ended, by how.",
    sql: "SELECT json_object('pipeline', alias, 'status', status) AS labels, runs AS value FROM tallies",
  },
  {
    name: "weir_run_seconds_total",
    type: "counter",
    help: "Wall time of the last attempt of runs that have ended.",
    sql: "SELECT json_object('pipeline', alias, 'status', status) AS labels, round(seconds, 3) AS value FROM tallies",
  },
  {
    name: "weir_runs_open",
    type: "gauge",
    help: "Runs that have not ended, by state.",
    sql: `SELECT json_object('pipeline', alias, 'status', status) AS labels, count(*) AS value
      FROM runs WHERE due_at IS NOT NULL GROUP BY alias, status`,
  },
  {
    name: "weir_run_oldest_open_seconds",
    type: "gauge",
    help: "Age of the oldest run that has not ended.",
    sql: `SELECT json_object('pipeline', alias) AS labels, max(0, ?1 - min(created_at)) / 1000.0 AS value
      FROM runs WHERE due_at IS NOT NULL GROUP BY alias`,
    given: (now) => [now],
  },
  {
    name: "weir_dead_letters",
    type: "gauge",
    help: "Dead letters that wait for somebody.",
    sql: "SELECT json_object('pipeline', alias) AS labels, count(*) AS value FROM dead_letters GROUP BY alias",
  },
  {
    name: "weir_pipeline_paused",
    type: "gauge",
    help: "1 for each pipeline that is paused.",
    sql: "SELECT json_object('pipeline', alias) AS labels, 1 AS value FROM paused",
  },
  {
    name: "weir_replays_active",
    type: "gauge",
    help: "Replays under way.",
    sql: "SELECT json_object() AS labels, count(*) AS value FROM replays WHERE status = 'active'",
  },
  {
    name: "weir_rejections_recent",
    type: "gauge",
    help: "Requests and records refused in the last five minutes.",
    sql: `SELECT json_object('connection', connection) AS labels, sum(count) AS value
      FROM rejections WHERE at >= ?1 GROUP BY connection`,
    given: (now) => [now - RECENT_MS],
  },
];
