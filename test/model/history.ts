// Histories of two objects, for the model test: what is done to them, who tells of it, how often and how late,
// and what goes wrong meanwhile. Pure: arbitraries, simpler neighbours of a history, and its text.
import fc from "fast-check";
import type { NetworkFault } from "../support/front.ts";

export const ROUNDS = 5;
export type Key = "a" | "b";

/** Where the objects are: in R2, or in a bucket that keeps versions. */
export type Store = "R2" | "versions";

/** What is done to one object, at most one thing a round. */
export interface Change {
  /**
   * `multipart` puts it in parts; `copy` is from the other object; `metadata` copies an object onto itself with other
   * metadata; `bring up` deletes the newest version, be it a delete marker. The last two change nothing: `mention`
   * is told of tags, and `access` of a read.
   */
  op: "put" | "multipart" | "copy" | "metadata" | "delete" | "bring up" | "mention" | "access";
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
/** A round in which nothing is done is null. */
export interface History {
  store: Store;
  rounds: (Change | null)[];
}
/** What is waited for between two rounds: nothing, that all told is on record, or that every run has ended. */
export type Wait = "nothing" | "recorded" | "ended";

const change: fc.Arbitrary<Change> = fc.record({
  op: fc.constantFrom(
    ...(["put", "put", "put", "multipart", "copy", "copy", "metadata", "delete", "delete"] as const),
    ...(["bring up", "bring up", "mention", "access"] as const),
  ),
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
type Rounds = History["rounds"];
const anything: fc.Arbitrary<Rounds> = fc.array(fc.option(change, { freq: 8 }), inRounds);
/** What chance alone seldom makes: a run is held up while its object changes for the last time and another runs. */
const raced: fc.Arbitrary<Rounds> = fc
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
/** What chance alone seldom makes either: an object that comes back by its last change. */
const returned: fc.Arbitrary<Rounds> = fc
  .tuple(
    anything,
    fc.array(change, { minLength: 3, maxLength: 3 }),
    fc.constantFrom("delete", "put", "multipart"),
  )
  .map(([others, [first, then, last], op]) => {
    if (!first || !then || !last) return others;
    const { key } = first;
    const before = others.slice(0, 2).map((other) => (other?.key === key ? null : other));
    return [...before, { ...first, op: "put" }, { ...then, op, key }, { ...last, op: "bring up", key }];
  });
/** Nor this: an object that a filter's part about the event took is overwritten by what that part refuses. */
const refused: fc.Arbitrary<Rounds> = fc.tuple(anything, change, change).map(([others, first, last]) => {
  const { key } = first;
  const before = others.slice(0, 3).map((other) => (other?.key === key ? null : other));
  const plainly = { passes: true, by: "S3", late: 0, lost: false, throws: 0, read: "whole" } as const;
  return [...before, { ...first, ...plainly, op: "put" }, { ...last, op: "multipart", passes: true, key }];
});
/** Nor this: a version that is there only while a run reads, of which nobody tells but by its removal. */
const between: fc.Arbitrary<Rounds> = fc
  .tuple(anything, change, change, change)
  .map(([others, first, then, last]) => {
    const { key } = first;
    const before = others.slice(0, 2).map((other) => (other?.key === key ? null : other));
    const plainly = { key, late: 0, throws: 0 };
    return [
      ...before,
      { ...first, ...plainly, op: "put", passes: true, lost: false },
      { ...then, ...plainly, op: "put", lost: true, read: "held up" },
      { ...last, ...plainly, op: "bring up" },
    ];
  });
const mixed: fc.Arbitrary<History> = fc.record({
  store: fc.constantFrom("R2", "versions"),
  rounds: fc.oneof(
    { weight: 3, arbitrary: anything },
    { weight: 1, arbitrary: raced },
    { weight: 1, arbitrary: returned },
  ),
});
export const history: fc.Arbitrary<History> = fc.oneof(
  { weight: 6, arbitrary: mixed },
  {
    weight: 2,
    arbitrary: fc.record({ store: fc.constant("versions" as const), rounds: fc.oneof(refused, between) }),
  },
);
const wait = fc.constantFrom<Wait>("nothing", "recorded", "recorded", "ended");
export const waits: fc.Arbitrary<Wait[]> = fc.array(wait, inRounds);

export interface Step {
  round: number;
  change: Change;
  /** The object's last change: it is always told, as is what changes nothing. */
  isLast: boolean;
}

const CHANGES_NOTHING: readonly Change["op"][] = ["mention", "access"];

/** The rounds in which something can be done: of an object that is not there, there is nothing to copy or to read. */
export function changesOf({ store, rounds }: History): Step[] {
  // Versions of each key, the newest last: whether it is an object, or a delete marker.
  const versions: Record<Key, boolean[]> = { a: [], b: [] };
  const isThere = (key: Key) => versions[key].at(-1) ?? false;
  const steps = rounds.flatMap((change, round) => {
    if (!change) return [];
    const { op, key } = change;
    const isPossible = {
      ...{ put: true, multipart: true, delete: true, copy: isThere(key === "a" ? "b" : "a") },
      "bring up": store === "versions" && versions[key].length > 0,
      ...{ metadata: isThere(key), mention: isThere(key), access: isThere(key) },
    };
    if (!isPossible[op]) return [];
    if (op === "bring up") versions[key].pop();
    else if (!CHANGES_NOTHING.includes(op)) versions[key].push(op !== "delete");
    return [{ round, change }];
  });
  const isChange = ({ change }: { change: Change }) => !CHANGES_NOTHING.includes(change.op);
  return steps.map((step, at) => ({
    ...step,
    isLast:
      !isChange(step) || !steps.slice(at + 1).some((it) => isChange(it) && it.change.key === step.change.key),
  }));
}

/** What was last done to an object that changed it. */
export const lastChangeOf = (one: History, key: Key): Change | undefined =>
  changesOf(one).findLast(({ change }) => change.key === key && !CHANGES_NOTHING.includes(change.op))?.change;

/** Histories with one thing less in them, the boldest first. */
export function simpler(one: History): History[] {
  const withRound = (round: number, change: Change | null) => ({
    ...one,
    rounds: one.rounds.with(round, change),
  });
  const changes = one.rounds.flatMap((change, round) => (change ? [{ change, round }] : []));
  const without = changes.map(({ round }) => withRound(round, null));
  const plainest = { by: "R2", times: 1, late: 0, lost: false, throws: 0, read: "whole" } as const;
  const plain = changes.map(({ change, round }) => withRound(round, { ...change, ...plainest }));
  const field = Object.entries({ op: "put", key: "a", passes: true, ...plainest }).flatMap(([name, value]) =>
    changes.map(({ change, round }) => withRound(round, { ...change, [name]: value })),
  );
  const known = new Set([JSON.stringify(one)]);
  const elsewhere: History[] = one.store === "R2" ? [] : [{ ...one, store: "R2" }];
  return [...without, ...elsewhere, ...plain, ...field].filter((next) => {
    const text = JSON.stringify(next);
    if (known.has(text)) return false;
    known.add(text);
    return true;
  });
}

/** Who tells, by the store; in a bucket with versions EventBridge stands in R2's place. */
const TELLERS = {
  R2: { R2: "R2", S3: "S3", both: "R2 and S3" },
  versions: { R2: "EventBridge", S3: "S3", both: "EventBridge and S3" },
};

/** A history as a person reads it, a line for each change, with what was waited for between them. */
export function storyOf(one: History, between: Wait[]): string {
  const lines = changesOf(one).flatMap(({ round, change, isLast }, at, all) => {
    const { op, key, passes, by, times, late, lost, throws, read } = change;
    const other = key === "a" ? "b" : "a";
    const hasBytes = !["delete", ...CHANGES_NOTHING].includes(op);
    const filter = passes ? "passes the filter" : "does not pass the filter";
    const what = {
      put: `put ${key} (${filter})`,
      multipart: `put ${key} in parts (${filter})`,
      copy: `copy ${other} to ${key}`,
      metadata: `new metadata for ${key} (${filter})`,
      delete: `delete ${key}`,
      "bring up": `delete the newest version of ${key}`,
      mention: `nothing is done to ${key}, which is told as a change of tags`,
      access: `read ${key}`,
    }[op];
    const often = ["", "once", "twice", "three times"][times];
    const when = late === 0 ? "at once" : `${late} round${late === 1 ? "" : "s"} later`;
    const told = lost && !isLast ? "never told" : `told ${often} by ${TELLERS[one.store][by]}, ${when}`;
    const faults = [
      throws > 0 && hasBytes ? `its handler throws ${["", "once", "twice"][throws]}` : [],
      read !== "whole" && hasBytes ? `its first read is ${read}` : [],
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
  return [`  in ${one.store === "R2" ? "R2" : "a bucket with versions"}`, ...lines].join("\n");
}
