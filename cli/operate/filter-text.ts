// Texts of `weir filter`: the explanation of a verdict, and the difference between two filters. Pure.
import type { diffFilters } from "../../src/query/diff.ts";
import type { FilterTrial } from "../../src/query/filters.ts";
import { table } from "../io/output.ts";

export type Diff = Awaited<ReturnType<typeof diffFilters>>;

/** Explains a verdict, a line for each condition, numbered by alternative where there are several. */
export function testedText({ clauses, branches, note }: FilterTrial): string {
  if (clauses.length === 0) return "The filter has no conditions: it takes every object.";
  const isOr = branches.length > 1;
  const head = [...(isOr ? ["alternative"] : []), "", "condition", "expected", "found", "where"];
  const rows = clauses.map(({ branch, verdict, path, expected, actual, source }) => [
    ...(isOr ? [String(branch + 1)] : []),
    verdict === true ? "✓" : verdict === false ? "✗" : "?",
    path,
    brief(expected),
    actual === undefined ? "–" : brief(actual),
    WHERE[source],
  ]);
  return [table([head, ...rows]), ...(note === undefined ? [] : [note])].join("\n");
}

const WHERE = {
  event: "in the event",
  object: "at the object",
  absent: "absent",
  unknown: "unknown: not in the event, to be looked up at the object",
};

/** Summarises a difference: counts, then sample objects. */
export function diffText(diff: Diff, changed: string): string {
  const { alias, version, since, objects, gained, lost, unchanged, undecided, passing, samples } = diff;
  const items = diff.items_of_lost === 1 ? "1 stored item is" : `${diff.items_of_lost} stored items are`;
  const counts = table([
    ["  gained", String(gained), "pass the changed filter, but not the deployed one"],
    ["  lost", String(lost), `pass only the deployed filter; ${items} theirs`],
    ["  unchanged", String(unchanged), ""],
    [
      "  undecided",
      String(undecided),
      "depend on attributes that were not looked up at the time of the event",
    ],
  ]);
  const shown = (["gained", "lost", "undecided"] as const).flatMap((change) =>
    samples[change].map(({ bucket, key, reason }) => [`  ${change}`, `${bucket}/${key}`, reason]),
  );
  const many = objects === 1 ? "1 object" : `${objects} objects`;
  return [
    `${alias}: deployed version ${version} against ${changed}`,
    `${many} had events since ${since}; the changed filter passes ${passing}. Nothing was run.`,
    counts,
    ...(shown.length > 0 ? ["", table(shown)] : []),
  ].join("\n");
}

function brief(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
