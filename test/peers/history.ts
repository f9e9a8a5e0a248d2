// Random histories of a real bucket, plain or versioned: what is done to which object, drawn from a seed, and played
// by three clients at once. What it should come to is not computed: the bucket itself says so at the end.
import fc from "fast-check";
import type { Ceph } from "./ceph.ts";

export interface Operation {
  op: "put" | "multipart" | "copy" | "delete" | "undelete" | "drop newest" | "drop oldest";
  /** Which of the buckets, and which of its objects. */
  bucket: number;
  key: number;
  /** What a copy is of. */
  from: number;
}

const KEYS = [
  "a.txt",
  "clips/b.mp4",
  "sp ace+plus%2F.txt",
  "über/c d.txt",
  "e",
  "f/g/h",
  "'quote' & <tag>.txt",
];
const CLIENTS = 3;

const operation: fc.Arbitrary<Operation> = fc.record({
  op: fc.constantFrom(
    ...(["put", "put", "put", "multipart", "copy", "delete", "delete"] as const),
    ...(["undelete", "undelete", "undelete", "drop newest", "drop newest", "drop oldest"] as const),
  ),
  bucket: fc.nat(1),
  key: fc.nat(KEYS.length - 1),
  from: fc.nat(KEYS.length - 1),
});

/** What chance may leave undone, at the end: an object that only an undelete, and one that only an older version, leaves. */
const LAST: readonly Operation[] = (
  [
    ["put", 0],
    ["delete", 0],
    ["undelete", 0],
    ["put", 1],
    ["put", 1],
    ["drop newest", 1],
  ] as const
).map(([op, key]) => ({ op, bucket: 1, key, from: 0 }));

/** The same seed is the same operations. */
export const historyOf = (seed: number, length: number): Operation[] => [
  ...fc.sample(operation, { seed, numRuns: Math.max(1, length - LAST.length) }),
  ...LAST,
];

/** Plays the operations, those of one object in their order. @returns what was done, a line each */
export async function play(
  ceph: Ceph,
  buckets: readonly string[],
  operations: Operation[],
): Promise<string[]> {
  const story: string[] = [];
  const lanes = Array.from({ length: CLIENTS }, (_, client) =>
    operations.map((each, number) => ({ ...each, number })).filter(({ key }) => key % CLIENTS === client),
  );
  const lane = async (own: (Operation & { number: number })[]) => {
    for (const { number, ...each } of own) {
      const done = await perform(ceph, buckets, each, number);
      if (done !== undefined) story.push(`${number}. ${done}`);
    }
  };
  await Promise.all(lanes.map(lane));
  return story;
}

async function perform(
  ceph: Ceph,
  buckets: readonly string[],
  { op, bucket: at, key: keyAt, from }: Operation,
  number: number,
): Promise<string | undefined> {
  const name = buckets[at] ?? "";
  const key = KEYS[keyAt] ?? "";
  const bucket = ceph.in(name);
  const what = `${name}/${key}`;
  switch (op) {
    case "put":
      await bucket.put(key, `put by ${number}`);
      return `put ${what}`;
    case "multipart":
      await bucket.multipart(key, [`uploaded by ${number}`]);
      return `multipart upload of ${what}`;
    case "copy": {
      const source = KEYS[from] ?? "";
      // The source may be gone, or go meanwhile; a copy onto itself changes nothing and is refused.
      if (source === key) return undefined;
      const isDone = await bucket.copy(source, key).then(
        () => true,
        () => false,
      );
      return isDone ? `copy ${source} to ${what}` : undefined;
    }
    case "delete":
      await bucket.remove(key);
      return `delete ${what}`;
    case "undelete":
    case "drop newest":
    case "drop oldest": {
      const versions = await bucket.versions(key);
      const newest = versions.find(({ isLatest }) => isLatest);
      const version = op === "drop oldest" ? versions.findLast(({ isLatest }) => !isLatest) : newest;
      if (!version || (op === "undelete" && !version.isMarker)) return undefined;
      await bucket.removeVersion(key, version.id);
      return `${op} ${what}${version.isMarker ? " (a delete marker)" : ""}`;
    }
  }
}
