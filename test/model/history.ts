// Histories of two objects, for the model test: what is done to them, who tells of it, how often and how late,
// and what goes wrong meanwhile. Pure: arbitraries, simpler neighbours of a history, and its text.
import fc from "fast-check";
import type { NetworkFault } from "../support/front.ts";

export const ROUNDS = 5;
export type Key = "a" | "b";

/** One change of one object, at most one a round. */
export interface Change {
  /** `copy` is from the other object; `metadata` copies an object onto itself with other metadata. */
  op: "put" | "copy" | "metadata" | "delete";
  key: Key;
  /** Whether it passes the pipelines' filter from now on; a copy takes this from its source. */
  passes: boolean;
  by: "R2" | "S3" | "both";
  /** Told this often by each. */
  times: number;
  /** Told this many rounds later: later changes may be told first. */
  late: number;
  /** Never told, unless it is the object's last change. */
  lost: boolean;
  /** How often the handler throws. */
  throws: number;
  /** What becomes of the first time that it is read. */
  read: "whole" | NetworkFault;
}
/** A round in which nothing is changed is null. */
export type History = (Change | null)[];
/** What is waited for between two rounds: nothing, that all told is on record, or that every run has ended. */
export type Wait = "nothing" | "recorded" | "ended";

const change: fc.Arbitrary<Change> = fc.record({
  op: fc.constantFrom("put", "put", "put", "copy", "copy", "metadata", "delete", "delete"),
  key: fc.constantFrom("a", "a", "b"),
  passes: fc.constantFrom(true, true, true, false),
  by: fc.constantFrom("R2", "S3", "both"),
  times: fc.constantFrom(1, 1, 2, 3),
  late: fc.constantFrom(0, 0, 1, 2, 5),
  lost: fc.boolean(),
  throws: fc.constantFrom(0, 0, 0, 1, 2),
  read: fc.constantFrom("whole", "whole", "whole", "refused", "cut off", "held up", "held up"),
});
const inRounds = { minLength: ROUNDS, maxLength: ROUNDS };
const anything: fc.Arbitrary<History> = fc.array(fc.option(change, { freq: 8 }), inRounds);
/** What chance alone seldom makes: a run is held up while its object changes for the last time and another runs. */
const raced: fc.Arbitrary<History> = fc
  .tuple(anything, fc.nat(ROUNDS - 2), change, change, fc.boolean())
  .map(([others, at, first, last, byR2]) => {
    const atOnce = { late: 0, lost: false, throws: 0 };
    const held: Change = {
      ...first,
      ...atOnce,
      op: "put",
      passes: true,
      by: byR2 ? "R2" : "S3",
      read: "held up",
    };
    const then: Change = { ...last, ...atOnce, key: first.key, by: byR2 ? "S3" : "R2", read: "whole" };
    const after = others.slice(at + 2).map((other) => (other?.key === first.key ? null : other));
    return [...others.slice(0, at), held, then, ...after];
  });
export const history: fc.Arbitrary<History> = fc.oneof(
  { weight: 3, arbitrary: anything },
  { weight: 1, arbitrary: raced },
);
const wait = fc.constantFrom<Wait>("nothing", "recorded", "recorded", "ended");
export const waits: fc.Arbitrary<Wait[]> = fc.array(wait, inRounds);

/** The rounds whose change is one: there is nothing to copy of an object that is not there. */
export function changesOf(one: History): { round: number; change: Change; isLast: boolean }[] {
  const there = new Set<Key>();
  const real = one.flatMap((change, round) => {
    if (!change) return [];
    const { op, key } = change;
    if (op === "copy" && !there.has(key === "a" ? "b" : "a")) return [];
    if (op === "metadata" && !there.has(key)) return [];
    if (op === "delete") there.delete(key);
    else there.add(key);
    return [{ round, change }];
  });
  return real.map((it, at) => ({
    ...it,
    isLast: !real.slice(at + 1).some(({ change }) => change.key === it.change.key),
  }));
}

/** Histories with one thing less in them, the boldest first. */
export function simpler(one: History): History[] {
  const withRound = (round: number, change: Change | null) => one.with(round, change);
  const changes = one.flatMap((change, round) => (change ? [{ change, round }] : []));
  const without = changes.map(({ round }) => withRound(round, null));
  const plainest = { by: "R2", times: 1, late: 0, lost: false, throws: 0, read: "whole" } as const;
  const plain = changes.map(({ change, round }) => withRound(round, { ...change, ...plainest }));
  const field = Object.entries({ op: "put", key: "a", passes: true, ...plainest }).flatMap(([name, value]) =>
    changes.map(({ change, round }) => withRound(round, { ...change, [name]: value })),
  );
  const known = new Set([JSON.stringify(one)]);
  return [...without, ...plain, ...field].filter((next) => {
    const text = JSON.stringify(next);
    if (known.has(text)) return false;
    known.add(text);
    return true;
  });
}

/** A history as a person reads it, a line for each change, with what was waited for between them. */
export function storyOf(one: History, between: Wait[]): string {
  const lines = changesOf(one).flatMap(({ round, change, isLast }, at, all) => {
    const { op, key, passes, by, times, late, lost, throws, read } = change;
    const other = key === "a" ? "b" : "a";
    const filter = passes ? "passes the filter" : "does not pass the filter";
    const what = {
      put: `put ${key} (${filter})`,
      copy: `copy ${other} to ${key}`,
      metadata: `new metadata for ${key} (${filter})`,
      delete: `delete ${key}`,
    }[op];
    const often = ["", "once", "twice", "three times"][times];
    const when = late === 0 ? "at once" : `${late} round${late === 1 ? "" : "s"} later`;
    const told =
      lost && !isLast ? "never told" : `told ${often} by ${by === "both" ? "R2 and S3" : by}, ${when}`;
    const faults = [
      throws > 0 && op !== "delete" ? `its handler throws ${["", "once", "twice"][throws]}` : [],
      read !== "whole" && op !== "delete" ? `its first read is ${read}` : [],
    ].flat();
    const next = all[at + 1];
    const passed = next ? between.slice(round, next.round) : [];
    const waited = passed.includes("ended")
      ? ["     … every run has ended"]
      : passed.includes("recorded")
        ? ["     … what was told is on record"]
        : [];
    return [`  ${round + 1}. ${[what, told, ...faults].join("; ")}`, ...waited];
  });
  return lines.join("\n");
}
