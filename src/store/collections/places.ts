// Places of sets in a collection of several databases: each database holds a range of the ids, which are hashes. When
// their number is doubled, each gives the upper half of its range to a new one. Pure; shards.ts has the databases.

export interface IdPlace {
  /** Number of the database, from 0. */
  index: number;
  /** Ids from here up to, and without, `high`: both are beginnings of ids. */
  low: string;
  high: string;
  /** Databases in which these ids lived while there were fewer, the latest first. */
  earlier: number[];
}

/** Higher than every id, which is of hex digits. */
const ABOVE_ALL = "g";
/** Two hex digits say where an id lives. */
const BEGINNINGS = 256;

/** Places of so many databases, in order of the ids; `shards` is a power of two, at most 64. */
export function placesOf(shards: number): IdPlace[] {
  return Array.from({ length: shards }, (_, at) => {
    const index = reversed(at, Math.log2(shards));
    return {
      index,
      low: at === 0 ? "" : boundary(at, shards),
      high: at === shards - 1 ? ABOVE_ALL : boundary(at + 1, shards),
      earlier: earlierPlaces(index, shards),
    };
  });
}

/** Position in {@link placesOf} of the place of a set's id. */
export const positionOf = (id: string, shards: number): number =>
  Math.floor((Number.parseInt(id.slice(0, 2), 16) * shards) / BEGINNINGS);

/** The highest id below a place's range; undefined where there is none. */
export function lastIdBefore({ low }: Pick<IdPlace, "low">): string | undefined {
  if (low === "") return undefined;
  return hexOf(Number.parseInt(low, 16) - 1).padEnd(32, "f");
}

export const isWithin = (id: string, { low, high }: Pick<IdPlace, "low" | "high">) => id >= low && id < high;

const hexOf = (beginning: number) => beginning.toString(16).padStart(2, "0");
const boundary = (at: number, shards: number) => hexOf((at * BEGINNINGS) / shards);

/** The number whose last `bits` bits are those of `value` backwards: half of a range keeps its database that way. */
function reversed(value: number, bits: number): number {
  let result = 0;
  for (let bit = 0; bit < bits; bit++) result = result * 2 + ((value >> bit) & 1);
  return result;
}

function earlierPlaces(index: number, shards: number): number[] {
  const earlier = new Set<number>();
  for (let fewer = shards / 2; fewer >= 1; fewer /= 2) earlier.add(index % fewer);
  earlier.delete(index);
  return [...earlier];
}
