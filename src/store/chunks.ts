// Cuts rows into parts that D1 takes: a parameter may have up to 2 MB, so larger writes are several statements of one
// transaction.

const CHUNK_BYTES = 1_000_000;

/** Parts of at most a megabyte, in order; a row larger than that is a part of its own. */
export function* chunks<T>(rows: T[], size: (row: T) => number): Generator<T[]> {
  let part: T[] = [];
  let bytes = 0;
  for (const row of rows) {
    if (part.length > 0 && bytes + size(row) > CHUNK_BYTES) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(row);
    bytes += size(row);
  }
  if (part.length > 0) yield part;
}
