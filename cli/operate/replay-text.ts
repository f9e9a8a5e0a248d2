// Texts about replays and audits for a person: request, plan, progress, differences. Pure.
import type { CostEstimate, Estimate } from "../../src/shapes/cost.ts";
import { table } from "../io/output.ts";
import type { Replay } from "./client.ts";

/** Request of a replay, on one line. */
export function requestText({ request: { select, aliases, filter, dry_run } }: Replay): string {
  const { kind, ...how } = select;
  const narrowed = Object.entries({ ...how, ...(filter && { filter: JSON.stringify(filter) }) });
  return [
    kind.replace("_", "-"),
    ...narrowed.map(([name, value]) => `${name} ${value}`),
    `→ ${aliases.join(", ")}`,
    ...(dry_run ? ["(dry run)"] : []),
  ].join(" ");
}

/** Text about a whole replay: request, plan with reasons and a sample, progress. */
export function replayText(replay: Replay): string {
  const { id, status, phase, request, created_at, ended_at } = replay;
  const state = status === "active" ? phase : status;
  const rows = [
    [id, state],
    ["request", requestText(replay)],
    ["plan", replayPlanText(replay)],
    ...(phase === "planning" ? [] : effectRows(replay)),
    ...(request.dry_run
      ? []
      : [
          ["progress", progressText(replay)],
          ["spent", spentText(replay)],
        ]),
    ...(replay.stopped ? [["stopped", failureText(replay.stopped)]] : []),
    ["created", `${created_at ?? "–"}${ended_at === null ? "" : `, ended ${ended_at}`}`],
  ];
  return [table(rows), sampleText(replay)].filter(Boolean).join("\n\n");
}

/** Plan of a replay: objects, bytes and reasons; the counts so far while it is planned. */
export function replayPlanText({ plan, phase }: Replay): string {
  const reasons = Object.entries(plan.by_why).map(([why, count]) => `${count} ${why.replaceAll("_", " ")}`);
  const why = reasons.length > 0 && !(reasons.length === 1 && plan.by_why.selected) ? reasons : [];
  return [
    `${countText(plan.objects, "object")}, ${sizeText(plan.bytes)}`,
    ...(why.length > 0 ? [` (${why.join(", ")})`] : []),
    `; ${plan.passed_over} passed over`,
    ...(phase === "planning" ? [", so far"] : []),
  ].join("");
}

/** Rows about the effect of a replay: items that it replaces, and likely time and cost of its runs by pipeline. */
function effectRows({ plan }: Replay): string[][] {
  const { objects, items } = plan.replaces;
  const times = Object.entries(plan.pipelines).map(([alias, { seconds, basis }]) => {
    const taken = seconds === null ? "unknown" : `about ${durationText(seconds)}`;
    return ["time", `${taken} for ${alias}: ${basis}`];
  });
  const costs = Object.entries(plan.pipelines).map(([alias, { cost = null }]) => [
    "cost",
    `${costText(cost)} for ${alias}`,
  ]);
  return [["replaces", `${countText(items, "item")} of ${countText(objects, "object")}`], ...times, ...costs];
}

/** What runs are likely to cost, and of what: each figure with the interval in which it is in 19 of 20 cases. */
export function costText(cost: CostEstimate | null): string {
  if (!cost) return "unknown, since no run of the last 30 days was measured";
  const figures = [
    figureText(cost.container_seconds, "container-seconds"),
    figureText(cost.rows_written, "rows written"),
    figureText(cost.rows_read, "rows read"),
    figureText(cost.requests, "requests"),
    figureText(cost.tokens, "tokens"),
  ];
  const { mean, low, high } = cost.usd;
  return `about $${mean} ($${low} to $${high}): ${figures.filter(Boolean).join(", ")}`;
}

const figureText = ({ mean, low, high }: Estimate, what: string) =>
  high === 0 ? "" : `${mean} ${what} (${low} to ${high})`;

const spentText = ({ spent_usd, request: { budget_usd } }: Replay) =>
  `$${Number(spent_usd.toPrecision(3))}${budget_usd === undefined ? "" : ` of its budget of $${budget_usd}`}`;

const durationText = (seconds: number) =>
  seconds < 120
    ? `${seconds} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`;

/** Progress of a replay: states of its runs, rate, and time left. */
export function progressText({ progress }: Replay): string {
  const { planned, enqueued, open, per_second, seconds_left } = progress;
  const ends = (["succeeded", "skipped", "dead", "cancelled"] as const).flatMap((name) =>
    progress[name] > 0 ? [`${progress[name]} ${name}`] : [],
  );
  return [
    `${enqueued - open} of ${planned ?? "?"}`,
    ...ends,
    ...(open > 0 ? [`${open} under way`] : []),
    `${per_second}/s`,
    ...(seconds_left === null ? [] : [`${seconds_left} s left`]),
  ].join(", ");
}

/** Failure on one line: what was wrong, what was expected, what to do. */
export const failureText = ({ detail, expected, next }: NonNullable<Replay["stopped"]>) =>
  [detail, expected && `Expected: ${expected}.`, next].filter(Boolean).join(" ");

/** Sample objects of a plan, each with its reason. */
export function sampleText({ plan }: Replay): string {
  if (plan.sample.length === 0) return "";
  const rows = plan.sample.map(({ alias, bucket, key, why }) => [
    why.replaceAll("_", " "),
    alias,
    JSON.stringify(`${bucket}/${key}`).slice(1, -1),
  ]);
  const more = plan.objects - plan.sample.length;
  const lines = [table([["why", "pipeline", "object"], ...rows])];
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join("\n");
}

/** Result of an audit: each kind of difference with its count. */
export function auditText(replay: Replay): string {
  const { missing = 0, out_of_date = 0, orphaned = 0 } = replay.plan.by_why;
  const counts = table([
    ["missing", String(missing), "in the bucket, but without items"],
    ["out of date", String(out_of_date), "items are of an earlier state of the object"],
    ["orphaned", String(orphaned), "items are there, but the object is gone or no longer matches"],
  ]);
  return [counts, sampleText(replay)].filter(Boolean).join("\n\n");
}

/** Table of replays. */
export function replaysText(replays: Replay[]): string {
  const rows = replays.map((replay) => [
    replay.id,
    replay.status === "active" ? replay.phase : replay.status,
    replay.request.dry_run ? countText(replay.plan.objects, "object") : progressText(replay),
    replay.created_at ?? "",
    requestText(replay),
  ]);
  return table([["replay", "state", "progress", "created", "request"], ...rows]);
}

export const countText = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export function sizeText(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`;
}
