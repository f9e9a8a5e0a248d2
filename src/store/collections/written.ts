// The outward form of an R2 collection's objects (keys, content type, metadata), as events report them: r2.ts writes it,
// a run counts its hops, and `weir validate` judges filters by it when it looks for loops.

/** How many pipelines stand, one after another, between a person's object and this one. */
export const HOPS = "weir-hops";
export const WRITTEN_TYPE = "application/x-ndjson";

/** A run of an object that came through this many pipelines is a loop's, and is not made. */
export const MAX_HOPS = 4;

/** `set` is 32 hex digits. */
export const objectKey = (collection: string, set: string) => `${collection}/${set}.ndjson`;

export const metadataOf = (hops = 1) => ({ [HOPS]: String(hops) });

/** Metadata of a set's object: the run that last replaced it, and the runs that are cancelled. */
export const PRODUCED_BY = "weir-made-by";
export const CANCELLED = "weir-cancelled";
/** Metadata of a set's object: the number of the replacement that stored it. */
export const ORDER = "weir-order";

/** The hops that an object's metadata tells; 0 where it tells none. */
export function hopsIn(metadata: Readonly<Record<string, string>>): number {
  const text = metadata[HOPS] ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) : 0;
}
