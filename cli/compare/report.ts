// What a comparison came to: counts, drift, neighbours, and whether it is within the limits that were set. Pure.

import { table } from "../io/output.ts";
import { counted } from "../operate/replay-text.ts";
import { differs, distance, type Laid, type VectorPair, vectorPairs } from "./items.ts";
import { neighbourOverlap, type Overlap } from "./neighbours.ts";

/** One object of the sample, when its run has ended. */
export type Compared = { bucket: string; key: string } & (
  | { state: "compared"; laid: Laid; reason?: string }
  /** Another state of it is in the bucket than the one that its items are of. */
  | { state: "changed since" }
  | { state: "failed"; kind: string; detail: string }
);

export interface Limits {
  /** Largest cosine distance of a vector to what it was. */
  maxDrift?: number;
  /** Least mean share of neighbours kept. */
  minOverlap?: number;
  /** Largest share of items that were added, removed or changed. */
  maxChanged?: number;
}

export interface Verdict {
  limit: string;
  asked: number;
  is: number | null;
  ok: boolean;
}

const OBJECTS_TOLD = 20;

export function reportOf(compared: readonly Compared[], limits: Limits) {
  const done = compared.filter((one) => one.state === "compared");
  const failures = compared.filter((one) => one.state === "failed");
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
  const sum = (of: "same" | "changed" | "added" | "removed") => each.reduce((all, one) => all + one[of], 0);
  const items = { same: sum("same"), changed: sum("changed"), added: sum("added"), removed: sum("removed") };
  const all = items.same + items.changed + items.added + items.removed;
  const pairs = done.flatMap(({ laid }) => laid.pairs.flatMap(vectorPairs));
  const moved = distances(pairs);
  const drift = {
    vectors: moved.length,
    mean: moved.length === 0 ? null : moved.reduce((total, one) => total + one, 0) / moved.length,
    max: moved.length === 0 ? null : Math.max(...moved),
    /** Vectors that have other dimensions than before. */
    incomparable: pairs.length - moved.length,
  };
  const neighbours = together([...Map.groupBy(pairs, ({ path }) => path).values()].map(neighbourOverlap));
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
  ].filter((one) => one !== undefined);
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
      .slice(0, OBJECTS_TOLD),
    failures: failures
      .map(({ bucket, key, kind, detail }) => ({ bucket, key, kind, detail }))
      .slice(0, OBJECTS_TOLD),
  };
}
export type Report = ReturnType<typeof reportOf>;

const distances = (pairs: VectorPair[]) =>
  pairs.map(({ before, after }) => distance(before, after)).filter((one) => !Number.isNaN(one));

/** Places weigh by their vectors. */
function together(all: Overlap[]): Overlap {
  const known = all.filter(({ overlap }) => overlap !== null);
  const vectors = known.reduce((sum, one) => sum + one.vectors, 0);
  const kept = known.reduce((sum, one) => sum + (one.overlap ?? 0) * one.vectors, 0);
  return {
    k: Math.max(0, ...known.map(({ k }) => k)),
    vectors,
    overlap: vectors === 0 ? null : kept / vectors,
  };
}

/** `is` null: it cannot be said, and so is not within any limit. */
function verdict(
  limit: string,
  asked: number | undefined,
  is: number | null,
  within: (is: number, asked: number) => boolean,
): Verdict | undefined {
  return asked === undefined ? undefined : { limit, asked, is, ok: is !== null && within(is, asked) };
}

const short = (value: number | null) => (value === null ? "–" : String(Number(value.toFixed(4))));
const percent = (share: number) => `${Number((share * 100).toFixed(1))} %`;

export function reportText(report: Report): string {
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
      `mean ${short(drift.mean)}, largest ${short(drift.max)}, of ${counted(drift.vectors, "vector")}${drift.incomparable > 0 ? `; ${drift.incomparable} have other dimensions` : ""}`,
    ],
    [
      "neighbours",
      neighbours.overlap === null
        ? "too few vectors"
        : `${percent(neighbours.overlap)} of the ${neighbours.k} nearest kept`,
    ],
    ...limits.map(({ limit, asked, is, ok }) => [
      limit,
      `${ok ? "within" : "NOT WITHIN"} ${asked}: ${short(is)}`,
    ]),
  ];
  const name = (bucket: string, key: string) => JSON.stringify(`${bucket}/${key}`).slice(1, -1);
  const sections = [
    table(rows),
    differing.length === 0
      ? ""
      : table([
          ["object", "changed", "added", "removed", "drift", ""],
          ...differing.map((one) => [
            name(one.bucket, one.key),
            String(one.changed),
            String(one.added),
            String(one.removed),
            short(one.drift),
            one.reason ?? "",
          ]),
        ]),
    failures.length === 0
      ? ""
      : table([
          ["failed", "as", "because"],
          ...failures.map((one) => [
            name(one.bucket, one.key),
            one.kind,
            JSON.stringify(one.detail).slice(1, -1),
          ]),
        ]),
  ];
  return sections.filter(Boolean).join("\n\n");
}
