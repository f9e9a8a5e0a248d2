// A collection in R2: one NDJSON object per source object. Line one says what the set is, each further
// line is an item. R2 has no transactions, but one object is written whole or not at all; the fence is the
// ETag that the object had before the source was observed. An emptied set stays as an object of one line,
// since a delete can't be made conditional and could erase what a later run stored.

import { Buffer } from "node:buffer";
import type { R2Bucket, R2Object } from "@cloudflare/workers-types";
import type { NewItem, SetKey, SetLineage, StoredItem, Vector } from "../../shapes/item.ts";
import { framesFromBytes, framesToBytes } from "../frames.ts";
import { cutPage } from "../page.ts";
import {
  type Collection,
  type Fence,
  type HeldSet,
  heldBySet,
  type ItemPage,
  type ItemQuery,
  type ProducedBy,
  type Replaced,
  type SetNumber,
} from "./contract.ts";
import { itemId, parseItemId, setId } from "./ids.ts";
import { CANCELLED, metadataOf, ORDER, objectKey, PRODUCED_BY, WRITTEN_TYPE } from "./written.ts";

/** First line of a set's object. */
export interface Head {
  set: SetKey;
  /** Absent while nothing was stored yet: the object then only says which runs are cancelled. */
  lineage?: SetLineage;
  items: number;
  cancelled?: string[];
  /** Number of the replacement that stored it; absent in sets that an older Weir stored. */
  order?: number;
}
interface Line {
  id: string;
  data: Record<string, unknown>;
  vectors: (Omit<Vector, "values" | "frames"> & { dims: number; float32: string; frames?: string })[];
}

/** How many sets are read at once for a page: Workers allow six open connections. */
const PARALLEL_READS = 6;
/** The first line holds a key of at most 1,024 bytes and metadata of at most 8,192, both escaped, and its lineage. */
const HEAD_BYTES = 65_536;
/** Cancelled runs of one object that are remembered, the newest: metadata holds 8 KB. */
const MAX_CANCELLED = 40;

/** `written` gives the metadata that says, and proves, how many pipelines an object has come through. */
export function r2Collection(
  bucket: R2Bucket,
  collection: string,
  written: (key: string, hops: number | undefined) => Record<string, string> = (_, hops) => metadataOf(hops),
): Collection {
  const put = (key: string, token: Fence["token"], head: Head, text: string) =>
    putSet(bucket, key, token, head, text, written(key, head.lineage?.hops));
  const place = (set: string) => objectKey(collection, set);
  return {
    begin: (requests) =>
      Promise.all(
        requests.map(async ({ run_id: _, ...set }) => {
          const head = await bucket.head(place(setId(set)));
          // Greater than that of before, also where the object was deleted since.
          const order = Math.max((orderOf(head) ?? 0) + 1, Date.now());
          return { set, token: head?.etag ?? null, order, ...heldBy(head) };
        }),
      ),

    async replace(fence, lineage, items): Promise<Replaced> {
      const id = setId(fence.set);
      if (items.length === 0 && fence.token === null) return "stored";
      // Those that were cancelled stay so; one that is cancelled meanwhile changes the ETag.
      const { set, cancelled, order } = fence;
      const head = { set, lineage, items: items.length, order, ...(cancelled && { cancelled }) };
      const stored = await put(place(id), fence.token, head, encode(id, head, items));
      return stored ? "stored" : "conflict";
    },

    // A run that holds a fence has the ETag of before: rewriting the object takes it away.
    async cancel({ run_id, ...set }) {
      const id = setId(set);
      for (;;) {
        const object = await bucket.get(place(id));
        const [first, ...lines] = object ? (await object.text()).split("\n") : [];
        const head: Head = first === undefined ? { set, items: 0 } : JSON.parse(first);
        const known = head.cancelled ?? [];
        if (known.includes(run_id)) return;
        const now = { ...head, cancelled: [...known, run_id].slice(-MAX_CANCELLED) };
        const text = [JSON.stringify(now), ...(first === undefined ? [""] : lines)].join("\n");
        if (await put(place(id), object?.etag ?? null, now, text)) return;
      }
    },

    isCancelled: async ({ run_id, ...set }) =>
      heldBy(await bucket.head(place(setId(set)))).cancelled?.includes(run_id) ?? false,

    list: (query) => listItems(bucket, collection, query),

    async get(id) {
      const parsed = parseItemId(id);
      if (!parsed) return null;
      return (await load(bucket, place(parsed.set))).find((item) => item.id === id) ?? null;
    },

    describe: async (sets) => readHeld(bucket, sets.map(setId).map(place)),

    async sets({ limit, after }) {
      const prefix = `${collection}/`;
      const page = await bucket.list({
        prefix,
        limit,
        ...(after !== undefined && { startAfter: place(after) }),
      });
      const keys = page.objects.map((object) => object.key);
      const held = (await readHeld(bucket, keys)).filter((set) => set !== null && set.items > 0) as HeldSet[];
      const last = keys.at(-1);
      return page.truncated && last ? { held, next: last.slice(prefix.length, -".ndjson".length) } : { held };
    },

    numbers: (query) => listNumbers(bucket, collection, query),
  };
}

/** Numbers of sets, of the listing alone: a set's number and its count are in its object's metadata. */
async function listNumbers(
  bucket: R2Bucket,
  collection: string,
  { limit, after }: { limit: number; after?: string | undefined },
): Promise<{ rows: SetNumber[]; next?: string }> {
  const prefix = `${collection}/`;
  const startAfter = after ? { startAfter: objectKey(collection, after) } : {};
  const include: ["customMetadata"] = ["customMetadata"];
  const page = await bucket.list({ prefix, limit: Math.min(limit, 1_000), include, ...startAfter });
  const all = page.objects.map((object) => ({
    id: object.key.slice(prefix.length, -".ndjson".length),
    number: orderOf(object) ?? 0,
    items: heldBy(object).held?.items ?? 0,
  }));
  const rows = all.filter(({ items }) => items > 0);
  const last = all.at(-1);
  return page.truncated && last ? { rows, next: last.id } : { rows };
}

/** Reads a page of items, in order of their sets: of all sets or of the named ones, of any or of one producer. */
async function listItems(
  bucket: R2Bucket,
  collection: string,
  { limit, after, sets, producer }: ItemQuery,
): Promise<ItemPage> {
  const from = after === undefined ? null : parseItemId(after);
  const items: StoredItem[] = [];
  const pages = sets ? [sets.map(setId).sort()] : setPages(bucket, collection, from?.set);
  scan: for await (const ids of pages) {
    for (let index = 0; index < ids.length; index += PARALLEL_READS) {
      const read = await Promise.all(
        ids.slice(index, index + PARALLEL_READS).map((set) => load(bucket, objectKey(collection, set))),
      );
      items.push(
        ...read
          .flat()
          .filter((item) => (!from || isAfter(item, from)) && (!producer || isProducedBy(item, producer))),
      );
      if (items.length > limit) break scan;
    }
  }
  const { rows, last } = cutPage(items, limit);
  return last ? { items: rows, next: last.id } : { items: rows };
}

/** Writes a set's object if it is still the one that the token names. */
export async function putSet(
  bucket: R2Bucket,
  key: string,
  token: Fence["token"],
  { lineage, items, cancelled, order }: Head,
  text: string,
  hops: Record<string, string>,
): Promise<boolean> {
  const by = lineage && heldBySet(lineage, items);
  const stored = await bucket.put(key, text, {
    onlyIf: token === null ? { etagDoesNotMatch: "*" } : { etagMatches: String(token) },
    httpMetadata: { contentType: WRITTEN_TYPE },
    customMetadata: {
      ...hops,
      ...(by && { [PRODUCED_BY]: JSON.stringify(by) }),
      ...(cancelled && { [CANCELLED]: cancelled.join(" ") }),
      ...(order !== undefined && { [ORDER]: String(order) }),
    },
  });
  return stored !== null;
}

/** What a set's object says without being read. */
function heldBy(object: R2Object | null): Pick<Fence, "held" | "cancelled"> {
  const { [PRODUCED_BY]: by, [CANCELLED]: cancelled } = object?.customMetadata ?? {};
  return {
    ...(by !== undefined && { held: JSON.parse(by) as NonNullable<Fence["held"]> }),
    ...(cancelled !== undefined && { cancelled: cancelled.split(" ") }),
  };
}

/** The number of the replacement that an object's metadata says. */
function orderOf(object: R2Object | null): number | undefined {
  const text = object?.customMetadata?.[ORDER];
  return text === undefined ? undefined : Number(text);
}

/** A set's object with its first line, which says what the set is. */
export interface ReadHead {
  key: string;
  etag: string;
  head: Head;
}

/** Reads the first lines of those of these objects that are there. */
export async function readHeads(bucket: R2Bucket, keys: string[]): Promise<ReadHead[]> {
  const heads: ReadHead[] = [];
  for (let at = 0; at < keys.length; at += PARALLEL_READS) {
    const part = keys.slice(at, at + PARALLEL_READS).map(async (key): Promise<ReadHead[]> => {
      const object = await bucket.get(key, { range: { offset: 0, length: HEAD_BYTES } });
      if (!object) return [];
      const head: Head = JSON.parse((await object.text()).split("\n", 1)[0] ?? "");
      return [{ key, etag: object.etag, head }];
    });
    heads.push(...(await Promise.all(part)).flat());
  }
  return heads;
}

async function readHeld(bucket: R2Bucket, keys: string[]): Promise<(HeldSet | null)[]> {
  const heads = new Map((await readHeads(bucket, keys)).map(({ key, head }) => [key, head]));
  return keys.map((key) => {
    const { set, items, lineage, order = 0 } = heads.get(key) ?? {};
    return set && lineage ? { set, items: items ?? 0, etag: lineage.etag, order, lineage } : null;
  });
}

function isAfter(item: StoredItem, from: { set: string; position: number }): boolean {
  const set = parseItemId(item.id)?.set ?? "";
  return set > from.set || (set === from.set && item.position > from.position);
}

function isProducedBy(
  { set: { alias }, lineage }: StoredItem,
  { version, commit, not }: ProducedBy,
): boolean {
  if (version !== undefined && lineage.version !== version) return false;
  if (commit !== undefined && lineage.commit !== commit) return false;
  return !not || !Object.hasOwn(not, alias) || not[alias] !== lineage.version;
}

/** Pages of set ids in order, beginning with `from` itself: its later items may still be due. */
async function* setPages(bucket: R2Bucket, collection: string, from?: string): AsyncGenerator<string[]> {
  const prefix = `${collection}/`;
  if (from !== undefined) yield [from];
  let cursor: string | undefined;
  const startAfter = from === undefined ? {} : { startAfter: `${prefix}${from}.ndjson` };
  do {
    const page = await bucket.list({ prefix, ...(cursor === undefined ? startAfter : { cursor }) });
    yield page.objects.map((object) => object.key.slice(prefix.length, -".ndjson".length));
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
}

async function load(bucket: R2Bucket, key: string): Promise<StoredItem[]> {
  const object = await bucket.get(key);
  if (!object) return [];
  const [first, ...lines] = (await object.text()).split("\n").filter((line) => line !== "");
  if (first === undefined) return [];
  const { set, lineage }: Head = JSON.parse(first);
  if (!lineage) return [];
  return lines.map((text, position) => {
    const line: Line = JSON.parse(text);
    return {
      id: line.id,
      position,
      set,
      lineage,
      data: line.data,
      vectors: line.vectors.map(({ dims: _, float32, frames, ...vector }) => ({
        ...vector,
        values: new Float32Array(new Uint8Array(Buffer.from(float32, "base64")).buffer),
        ...(frames !== undefined && { frames: framesFromBytes(Buffer.from(frames, "base64")) }),
      })),
    };
  });
}

function encode(set: string, head: Head, items: NewItem[]): string {
  const lines = items.map((item, position) => {
    const vectors = item.vectors.map(({ values, frames, ...vector }) => ({
      ...vector,
      ...(frames && { frames: Buffer.from(framesToBytes(frames)).toString("base64") }),
      dims: values.length,
      float32: Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64"),
    }));
    // The handler's data is JSON text already: it goes in as it is.
    return `{"id":"${itemId(set, position)}","data":${item.data},"vectors":${JSON.stringify(vectors)}}`;
  });
  return `${[JSON.stringify(head), ...lines].join("\n")}\n`;
}
