// An R2 bucket in memory with R2's semantics, as far as the log uses them: ordered lists with prefix, startAfter,
// delimiter and pages, ranged reads, conditional writes. Every call may fail before or after its work, and is counted.
import { createHash } from "node:crypto";
import type { R2Bucket } from "@cloudflare/workers-types";

interface Stored {
  bytes: Uint8Array;
  etag: string;
  uploaded: Date;
  customMetadata: Record<string, string>;
}

/** Objects with their names in order. */
class SortedObjects extends Map<string, Stored> {
  readonly sorted: string[] = [];

  /** Where the first name is that is not before this one. */
  placeOf(name: string): number {
    let [low, high] = [0, this.sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.sorted[middle] ?? "") < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  override set(key: string, stored: Stored): this {
    if (!this.has(key)) this.sorted.splice(this.placeOf(key), 0, key);
    return super.set(key, stored);
  }

  override delete(key: string): boolean {
    if (this.has(key)) this.sorted.splice(this.placeOf(key), 1);
    return super.delete(key);
  }
}

/** A call to the bucket: its method, and the names that it is about. */
export interface BucketCall {
  method: "list" | "get" | "put" | "delete" | "head";
  keys: string[];
}

export interface MapBucket {
  bucket: R2Bucket;
  objects: ReadonlyMap<string, Stored>;
  calls: BucketCall[];
  /** What is done with each call: `work` does it. */
  between: (call: BucketCall, work: () => unknown) => unknown;
  /** The bucket's clock, ms. */
  now: number;
}

type Range = { offset?: number; length?: number; suffix?: number };

/** Opens an empty bucket. */
export function openMapBucket(now = Date.now()): MapBucket {
  const objects = new SortedObjects();
  const self: MapBucket = {
    ...{ bucket: {} as R2Bucket, objects, calls: [], now },
    between: (_call, work) => work(),
  };
  const call = async (method: BucketCall["method"], keys: string[], work: () => unknown) => {
    const one = { method, keys };
    self.calls.push(one);
    await Promise.resolve();
    return self.between(one, work);
  };
  self.bucket = {
    head: (key: string) => call("head", [key], () => headOf(key, objects.get(key))),
    get: (key: string, options: { range?: Range } = {}) =>
      call("get", [key], () => bodyOf(key, objects.get(key), options.range)),
    put: (key: string, value: string | Uint8Array, options: PutOptions = {}) =>
      call("put", [key], () => put(objects, self.now, key, value, options)),
    delete: (keys: string | string[]) =>
      call("delete", [keys].flat(), () => {
        if ([keys].flat().length > 1000) throw new Error("R2 deletes at most 1,000 objects at once");
        for (const key of [keys].flat()) objects.delete(key);
      }),
    list: (options: ListOptions = {}) => call("list", [options.prefix ?? ""], () => list(objects, options)),
  } as unknown as R2Bucket;
  return self;
}

interface PutOptions {
  customMetadata?: Record<string, string>;
  onlyIf?: { etagMatches?: string; etagDoesNotMatch?: string };
}

function put(
  objects: SortedObjects,
  now: number,
  key: string,
  value: string | Uint8Array,
  { customMetadata = {}, onlyIf }: PutOptions,
) {
  const known = objects.get(key);
  if (onlyIf?.etagMatches !== undefined && known?.etag !== onlyIf.etagMatches) return null;
  if (onlyIf?.etagDoesNotMatch === "*" && known) return null;
  const metadata = Object.entries(customMetadata).reduce((sum, [a, b]) => sum + a.length + b.length, 0);
  if (metadata > 8192) throw new Error("R2 takes at most 8,192 bytes of metadata");
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : Uint8Array.from(value);
  const etag = createHash("md5").update(bytes).digest("hex");
  const stored = { bytes, etag, uploaded: new Date(now), customMetadata };
  objects.set(key, stored);
  return headOf(key, stored);
}

const headOf = (key: string, stored: Stored | undefined) =>
  stored
    ? {
        ...{ key, size: stored.bytes.length, etag: stored.etag, uploaded: stored.uploaded },
        customMetadata: stored.customMetadata,
      }
    : null;

function bodyOf(key: string, stored: Stored | undefined, range: Range | undefined) {
  if (!stored) return null;
  const { offset, length, suffix } = range ?? {};
  const from = suffix === undefined ? (offset ?? 0) : Math.max(0, stored.bytes.length - suffix);
  const bytes = stored.bytes.slice(from, length === undefined ? undefined : from + length);
  if (range && bytes.length === 0) throw new Error("the range is not satisfiable");
  return {
    ...headOf(key, stored),
    arrayBuffer: async () => bytes.buffer,
    text: async () => new TextDecoder().decode(bytes),
    json: async () => JSON.parse(new TextDecoder().decode(bytes)) as unknown,
  };
}

interface ListOptions {
  prefix?: string;
  startAfter?: string;
  cursor?: string;
  limit?: number;
  delimiter?: string;
  include?: string[];
}

function list(objects: SortedObjects, options: ListOptions) {
  const { prefix = "", startAfter = "", cursor, limit = 1000, delimiter, include = [] } = options;
  if (limit > 1000) throw new Error("R2 lists at most 1,000 objects at once");
  const after = cursor ?? startAfter;
  const found: unknown[] = [];
  const prefixes = new Set<string>();
  let last = "";
  for (let at = objects.placeOf(after > prefix ? after : prefix); ; at++) {
    const key = objects.sorted[at];
    if (key === undefined || !key.startsWith(prefix)) break;
    if (key <= after) continue;
    const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
    const common = cut === -1 ? undefined : key.slice(0, cut + 1);
    if (common !== undefined && prefixes.has(common)) last = key;
    else if (found.length + prefixes.size === limit)
      return { objects: found, delimitedPrefixes: [...prefixes], truncated: true, cursor: last };
    else {
      last = key;
      if (common !== undefined) prefixes.add(common);
      else {
        const { customMetadata, ...head } = headOf(key, objects.get(key)) ?? { customMetadata: {} };
        found.push({ ...head, ...(include.includes("customMetadata") && { customMetadata }) });
      }
    }
  }
  return { objects: found, delimitedPrefixes: [...prefixes], truncated: false };
}
