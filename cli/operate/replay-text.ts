// A replay for a person: its plan, its progress, and what an audit found. Pure.
import { table } from "../io/output.ts";
import type { Replay } from "./client.ts";

/** What it is asked to do, on one line. */
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

/** All of a replay: what was asked, the plan with its reasons and a sample, and how far it is. */
export function replayText(replay: Replay): string {
  const { id, status, phase, request, created_at, ended_at } = replay;
  const state = status === "active" ? phase : status;
  const rows = [
    [id, state],
    ["asked", requestText(replay)],
    ["plan", planText(replay)],
    ...(phase === "planning" ? [] : effectRows(replay)),
    ...(request.dry_run ? [] : [["progress", progressText(replay)]]),
    ...(replay.stopped ? [["stopped", failureText(replay.stopped)]] : []),
    ["created", `${created_at ?? "–"}${ended_at === null ? "" : `, ended ${ended_at}`}`],
  ];
  return [table(rows), sampleText(replay)].filter(Boolean).join("\n\n");
}

/** Counts, bytes and reasons; while it is being planned, what was counted so far. */
export function planText({ plan, phase }: Replay): string {
  const reasons = Object.entries(plan.by_why).map(([why, count]) => `${count} ${why.replaceAll("_", " ")}`);
  const why = reasons.length > 0 && !(reasons.length === 1 && plan.by_why.selected) ? reasons : [];
  return [
    `${counted(plan.objects, "object")}, ${sized(plan.bytes)}`,
    ...(why.length > 0 ? [` (${why.join(", ")})`] : []),
    `; ${plan.passed_over} passed over`,
    ...(phase === "planning" ? [", so far"] : []),
  ].join("");
}

/** What of it replaces items that are there, and how long its handlers are likely to take, for each pipeline. */
function effectRows({ plan }: Replay): string[][] {
  const { objects, items } = plan.replaces;
  const times = Object.entries(plan.pipelines).map(([alias, { seconds, basis }]) => {
    const taken = seconds === null ? "not known" : `about ${lasting(seconds)}`;
    return ["time", `${taken} of ${alias}: ${basis}`];
  });
  return [["replaces", `${counted(items, "item")} of ${counted(objects, "object")}`], ...times];
}

const lasting = (seconds: number) =>
  seconds < 120
    ? `${seconds} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`;

/** How far it is: the states of its runs, the rate, and the time that is left. */
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

/** A failure on one line: what was wrong, what was expected, what to do. */
export const failureText = ({ detail, expected, next }: NonNullable<Replay["stopped"]>) =>
  [detail, expected && `Expected: ${expected}.`, next].filter(Boolean).join(" ");

/** Objects by name, as many as the plan keeps, each with why it is taken. */
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

/** What an audit found: each kind of difference, with its count. */
export function auditText(replay: Replay): string {
  const { missing = 0, out_of_date = 0, orphaned = 0 } = replay.plan.by_why;
  const counts = table([
    ["missing", String(missing), "in the bucket, and no items of it"],
    ["out of date", String(out_of_date), "its items are of another state of it"],
    ["orphaned", String(orphaned), "its items are there, and it is gone or no longer wanted"],
  ]);
  return [counts, sampleText(replay)].filter(Boolean).join("\n\n");
}

/** A line for each. */
export function replaysText(replays: Replay[]): string {
  const rows = replays.map((replay) => [
    replay.id,
    replay.status === "active" ? replay.phase : replay.status,
    replay.request.dry_run ? counted(replay.plan.objects, "object") : progressText(replay),
    replay.created_at ?? "",
    requestText(replay),
  ]);
  return table([["replay", "state", "progress", "created", "asked"], ...rows]);
}

export const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export function sized(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`;
}
