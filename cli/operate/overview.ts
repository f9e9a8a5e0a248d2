// Command `weir overview`: how things are, in a table of pipelines and a few lines.
import { print, printJson, table } from "../io/output.ts";
import { openClient } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";

const seconds = (ms: number | null) => (ms === null ? "" : `${Number((ms / 1000).toPrecision(2))} s`);
const dollars = (usd: number) => `$${Number(usd.toPrecision(3))}`;

/** Prints the overview; with `--json`, with its series. */
export async function showOverview(root: string, flags: OperatorFlags & { hours: number }): Promise<void> {
  const answer = await openClient(root, flags).call((weir) => weir.getOverview({ hours: flags.hours }));
  if (flags.json) return printJson(answer);
  const { now, pipelines, failures, index_lag, hours } = answer;
  print(
    `Within ${hours} h: ${now.events} events, ${now.rejections} refused deliveries, ${dollars(now.cost_usd)}.`,
  );
  const rows = [{ ...now, alias: "all", paused: false }, ...pipelines].map(
    ({ alias, paused, open, ended, dead_letters, latency, cost_usd }) => [
      alias,
      String(ended.succeeded),
      String(ended.dead),
      String(open.pending + open.queued + open.failed),
      String(open.running),
      String(dead_letters),
      seconds(latency.p50_ms),
      seconds(latency.p95_ms),
      dollars(cost_usd),
      paused ? "paused" : "",
    ],
  );
  const head = [
    "pipeline",
    "succeeded",
    "died",
    "wait",
    "running",
    "letters",
    "half in",
    "95 % in",
    "cost",
    "",
  ];
  print(table([head, ...rows]));
  for (const { kind, runs } of failures) print(`${runs} died of ${kind}`);
  for (const { collection, seconds: lag } of index_lag)
    if (lag > 0) print(`The index of ${collection} is ${Math.round(lag)} s behind.`);
}
