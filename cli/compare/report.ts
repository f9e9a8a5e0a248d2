// Report of a comparison: counts of items, drift of vectors, kept neighbours, and the verdict on each limit. Pure.

import { table } from "../io/output.ts";
import { countText } from "../operate/replay-text.ts";
import { differs, distance, type ItemDiff, type VectorPair, vectorPairs } from "./items.ts";
import { neighbourOverlap, type Overlap } from "./neighbours.ts";
import type { QueriesReport } from "./queries.ts";

/** Result of the run of one sampled object. */
export type ObjectComparison = { bucket: string; key: string } & (
  | { state: "compared"; laid: ItemDiff; reason?: string }
  /** The object in the bucket is newer than its stored items. */
  | { state: "changed since" }
  | { state: "failed"; kind: string; detail: string }
);

export interface Limits {
  /** Largest cosine distance between a vector before and after. */
  maxDrift?: number;
  /** Smallest mean share of neighbours kept. */
  minOverlap?: number;
  /** Largest share of items that were added, removed or changed. */
  maxChanged?: number;
}

export interface LimitVerdict {
  limit: string;
  asked: number;
  is: number | null;
  ok: boolean;
}

const MAX_OBJECTS_SHOWN = 20;

/** Summarises the results and checks them against the limits. */
export function reportOf(compared: readonly ObjectComparison[], limits: Limits) {
  const done = compared.filter((object) => object.state === "compared");
  const failures = compared.filter((object) => object.state === "failed");
  const each = done.map(({ bucket, key, laid, reason }) => {
    const changed = laid.pairs.filter(differs).length;
    const drift = Math.max(0, ...distances(laid.pairs.flatMap(vectorPairs)));
    const counts = {
      same: laid.pairs.length - changed,
      changed,
      added: laid.added.length,
      removed: laid.removed.length,
    };
    return { bucket, key, ...counts, drift, ...(reason !== undefined && { reason }) };
  });
  const sum = (field: "same" | "changed" | "added" | "removed") =>
    each.reduce((all, object) => all + object[field], 0);
  const items = { same: sum("same"), changed: sum("changed"), added: sum("added"), removed: sum("removed") };
  const all = items.same + items.changed + items.added + items.removed;
  const pairs = done.flatMap(({ laid }) => laid.pairs.flatMap(vectorPairs));
  const moved = distances(pairs);
  const drift = {
    vectors: moved.length,
    mean: moved.length === 0 ? null : moved.reduce((total, value) => total + value, 0) / moved.length,
    max: moved.length === 0 ? null : Math.max(...moved),
    /** Vectors whose number of dimensions has changed. */
    incomparable: pairs.length - moved.length,
  };
  const neighbours = mergeOverlaps(
    [...Map.groupBy(pairs, ({ path }) => path).values()].map(neighbourOverlap),
  );
  const changedShare = all === 0 ? 0 : (all - items.same) / all;
  const verdicts = [
    verdict(
      "max-drift",
      limits.maxDrift,
      drift.incomparable > 0 ? null : (drift.max ?? 0),
      (is, most) => is <= most,
    ),
    verdict("min-overlap", limits.minOverlap, neighbours.overlap ?? 1, (is, least) => is >= least),
    verdict("max-changed", limits.maxChanged, changedShare, (is, most) => is <= most),
  ].filter((limit) => limit !== undefined);
  return {
    ok: failures.length === 0 && verdicts.every(({ ok }) => ok),
    objects: {
      compared: done.length,
      changed_since: compared.length - done.length - failures.length,
      failed: failures.length,
    },
    items: { ...items, changed_share: changedShare },
    drift,
    neighbours,
    limits: verdicts,
    differing: each
      .filter(({ changed, added, removed }) => changed + added + removed > 0)
      .slice(0, MAX_OBJECTS_SHOWN),
    failures: failures
      .map(({ bucket, key, kind, detail }) => ({ bucket, key, kind, detail }))
      .slice(0, MAX_OBJECTS_SHOWN),
  };
}
export type ComparisonReport = ReturnType<typeof reportOf>;

const distances = (pairs: VectorPair[]) =>
  pairs.map(({ before, after }) => distance(before, after)).filter((value) => !Number.isNaN(value));

/** Merges the overlaps of several paths, weighted by their vectors. */
function mergeOverlaps(all: Overlap[]): Overlap {
  const measured = all.filter(({ overlap }) => overlap !== null);
  const vectors = measured.reduce((sum, place) => sum + place.vectors, 0);
  const kept = measured.reduce((sum, place) => sum + (place.overlap ?? 0) * place.vectors, 0);
  return {
    k: Math.max(0, ...measured.map(({ k }) => k)),
    vectors,
    overlap: vectors === 0 ? null : kept / vectors,
  };
}

/** Verdict on a limit. A value of null cannot be measured, and so is within no limit. */
function verdict(
  limit: string,
  threshold: number | undefined,
  is: number | null,
  within: (is: number, threshold: number) => boolean,
): LimitVerdict | undefined {
  return threshold === undefined
    ? undefined
    : { limit, asked: threshold, is, ok: is !== null && within(is, threshold) };
}

const short = (value: number | null) => (value === null ? "–" : String(Number(value.toFixed(4))));
const percent = (share: number) => `${Number((share * 100).toFixed(1))} %`;

export function reportText(report: ComparisonReport): string {
  const { objects, items, drift, neighbours, limits, differing, failures } = report;
  const rows = [
    [
      "objects",
      [
        `${objects.compared} compared`,
        ...(objects.changed_since > 0 ? [`${objects.changed_since} changed since`] : []),
        ...(objects.failed > 0 ? [`${objects.failed} failed`] : []),
      ].join(", "),
    ],
    [
      "items",
      `${items.same} the same, ${items.changed} changed, ${items.added} added, ${items.removed} removed (${percent(items.changed_share)})`,
    ],
    [
      "drift",
      `mean ${short(drift.mean)}, largest ${short(drift.max)}, of ${countText(drift.vectors, "vector")}${drift.incomparable > 0 ? `; ${drift.incomparable} have other dimensions` : ""}`,
    ],
    [
      "neighbours",
      neighbours.overlap === null
        ? "too few vectors"
        : `${percent(neighbours.overlap)} of the ${neighbours.k} nearest kept`,
    ],
    ...limits.map(({ limit, asked: threshold, is, ok }) => [
      limit,
      `${ok ? "within" : "NOT WITHIN"} ${threshold}: ${short(is)}`,
    ]),
  ];
  const name = (bucket: string, key: string) => JSON.stringify(`${bucket}/${key}`).slice(1, -1);
  const sections = [
    table(rows),
    differing.length === 0
      ? ""
      : table([
          ["object", "changed", "added", "removed", "drift", ""],
          ...differing.map((object) => [
            name(object.bucket, object.key),
            String(object.changed),
            String(object.added),
            String(object.removed),
            short(object.drift),
            object.reason ?? "",
          ]),
        ]),
    failures.length === 0
      ? ""
      : table([
          ["failed", "as", "because"],
          ...failures.map((failure) => [
            name(failure.bucket, failure.key),
            failure.kind,
            JSON.stringify(failure.detail).slice(1, -1),
          ]),
        ]),
  ];
  return sections.filter(Boolean).join("\n\n");
}

/** What golden queries say, in paragraphs: which fell from which rank to which, and which were not asked. */
export function queriesText(report: QueriesReport | null): string[] {
  if (!report) return [];
  const { collection, compared, left_out, fallen } = report;
  const count = new Set(fallen.map(({ query }) => query)).size;
  const names = `${compared} golden ${compared === 1 ? "query" : "queries"} of ${collection} asked`;
  const rows = fallen.map(({ query, expected, before, after }) => [
    JSON.stringify(query).slice(1, -1),
    JSON.stringify(expected).slice(1, -1),
    `${before} → ${after ?? "lost"}`,
  ]);
  const left = left_out.map(({ query, why }) => [JSON.stringify(query).slice(1, -1), why]);
  return [
    `${names}: ${count === 0 ? "none fell" : `${count} fell`}.`,
    ...(rows.length > 0 ? [table([["fell", "expected", "rank"], ...rows])] : []),
    ...(left.length > 0 ? [table([["not asked", "because"], ...left])] : []),
  ];
}
