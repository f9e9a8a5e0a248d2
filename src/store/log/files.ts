// The log's objects as they lie in the bucket: what their metadata says, lists of them, and their lines. An object that
// is gone has been merged into another since it was listed: whoever meets that begins again.
import type { R2Bucket, R2Object } from "@cloudflare/workers-types";
import { sha256Hex } from "../../shapes/hash.ts";
import {
  connectionOfLine,
  type LogLine,
  minuteOfLine,
  type PlacedLine,
  packText,
  placeLine,
  textOf,
  unpackLines,
} from "./lines.ts";
import { minuteKey, minuteOfKey } from "./names.ts";
import {
  type BlockRange,
  countLines,
  decodeFooter,
  footerBytes,
  type SegmentFooter,
  SUFFIX_BYTES,
} from "./segment.ts";

const PAGE_FILES = 1_000;
/** Texts of metadata, at most, characters: R2 takes 8 KB of all. What would be longer is left out. */
const MAX_CONNECTIONS_CHARS = 2_000;
const MAX_KEYS_CHARS = 4_000;
const KEY_DIGITS = 4;
/** Segments up to this size are read whole, bytes. */
const WHOLE_BYTES = 400_000;

/** An object of the log, of one minute. */
export interface LogFile {
  key: string;
  minute: number;
  size: number;
  uploaded: number;
  /** What it holds; undefined where it does not say. */
  connections?: string[] | undefined;
  /** The first digits of its lines' hashes. */
  keys?: string | undefined;
  events: number;
  runs: number;
}

/** An object was there when it was listed and is no more. */
export class VanishedError extends Error {}

/** Runs a read again from its beginning when an object that it had listed is gone. */
export async function beginAgain<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof VanishedError) || attempt === MAX_BEGINNINGS) throw error;
    }
  }
}
const MAX_BEGINNINGS = 8;

/** Metadata of an object that holds these lines. */
export function metadataOf(kind: string, lines: PlacedLine[]): Record<string, string> {
  const connections = encodeURIComponent(
    JSON.stringify([...new Set(lines.map(({ line }) => connectionOfLine(line)))].sort()),
  );
  const keys = [...new Set(lines.map(({ hash }) => hash.slice(0, KEY_DIGITS)))].sort().join("");
  const { events, runs } = countLines(lines);
  return {
    kind,
    events: String(events),
    runs: String(runs),
    ...(connections.length <= MAX_CONNECTIONS_CHARS && { connections }),
    ...(kind === "loose" && keys.length <= MAX_KEYS_CHARS && { keys }),
  };
}

export function fileOf(kind: string, { key, size, uploaded, customMetadata }: R2Object): LogFile {
  const { connections, keys, events = "0", runs = "0" } = customMetadata ?? {};
  return {
    ...{ key, minute: minuteOfKey(kind, key), size, uploaded: uploaded.getTime(), keys },
    connections: connections === undefined ? undefined : JSON.parse(decodeURIComponent(connections)),
    ...{ events: Number(events), runs: Number(runs) },
  };
}

/** Whether an object may hold lines of a connection. */
export const mayHoldConnection = ({ connections }: LogFile, connection: string | undefined) =>
  connection === undefined || connections === undefined || connections.includes(connection);

/** Whether an object may hold lines whose hashes begin so; four digits count. */
export function mayHoldKey({ keys }: LogFile, hash: string): boolean {
  if (keys === undefined) return true;
  const digits = hash.slice(0, KEY_DIGITS);
  for (let at = 0; at < keys.length; at += KEY_DIGITS) if (keys.startsWith(digits, at)) return true;
  return false;
}

/** One page of a list, in the order of names; `isLast` where nothing follows. */
export async function listPage(
  bucket: R2Bucket,
  kind: string,
  {
    prefix = kind,
    after,
    limit = PAGE_FILES,
  }: { prefix?: string; after?: string | undefined; limit?: number },
): Promise<{ files: LogFile[]; isLast: boolean }> {
  const page = await bucket.list({
    prefix,
    limit,
    include: ["customMetadata"],
    ...(after !== undefined && { startAfter: after }),
  });
  return { files: page.objects.map((object) => fileOf(kind, object)), isLast: !page.truncated };
}

/** All objects under a prefix. */
export async function listAll(bucket: R2Bucket, kind: string, prefix = kind): Promise<LogFile[]> {
  const all: LogFile[] = [];
  for (let after: string | undefined; ; after = all.at(-1)?.key) {
    const { files, isLast } = await listPage(bucket, kind, { prefix, after });
    all.push(...files);
    if (isLast || files.length === 0) return all;
  }
}

/** Writes lines as they came: an object for each minute that they are of. */
export async function writeLoose(bucket: R2Bucket, kind: string, lines: LogLine[]): Promise<void> {
  const minutes = Map.groupBy(lines, minuteOfLine);
  await Promise.all(
    [...minutes].map(([minute, all]) => {
      const text = textOf(all);
      const key = minuteKey(kind, minute, sha256Hex(text).slice(0, 16));
      return bucket.put(key, packText(text), { customMetadata: metadataOf("loose", all.map(placeLine)) });
    }),
  );
}

/** Lines of an object as it came. @throws VanishedError */
export async function readLoose(bucket: R2Bucket, key: string): Promise<PlacedLine[]> {
  return unpackLines(await readBytes(bucket, key)).map(placeLine);
}

async function readBytes(
  bucket: R2Bucket,
  key: string,
  range?: { offset: number; length: number } | { suffix: number },
) {
  const object = await bucket.get(key, range ? { range } : {});
  if (!object) throw new VanishedError(key);
  return new Uint8Array(await object.arrayBuffer());
}

/** The footer of a segment. @throws VanishedError */
export async function readFooter(bucket: R2Bucket, key: string): Promise<SegmentFooter> {
  let tail = await readBytes(bucket, key, { suffix: SUFFIX_BYTES });
  const length = footerBytes(tail);
  if (length !== undefined && length > tail.length) tail = await readBytes(bucket, key, { suffix: length });
  return decodeFooter(tail, key);
}

/** Lines of blocks of a segment; those that lie side by side are one read. @throws VanishedError */
export async function readBlocks(bucket: R2Bucket, key: string, blocks: BlockRange[]): Promise<PlacedLine[]> {
  const stretches: { offset: number; length: number }[] = [];
  for (const { offset, length } of blocks.toSorted((a, b) => a.offset - b.offset)) {
    const last = stretches.at(-1);
    if (last && last.offset + last.length === offset) last.length += length;
    else stretches.push({ offset, length });
  }
  const read = await Promise.all(stretches.map((stretch) => readBytes(bucket, key, stretch)));
  return read.flatMap((bytes) => unpackLines(bytes)).map(placeLine);
}

/** All lines of a segment. @throws VanishedError */
export async function readSegment(
  bucket: R2Bucket,
  { key, size }: Pick<LogFile, "key" | "size">,
): Promise<PlacedLine[]> {
  if (size > WHOLE_BYTES) return readBlocks(bucket, key, (await readFooter(bucket, key)).blocks);
  const bytes = await readBytes(bucket, key);
  decodeFooter(bytes, key);
  return unpackLines(bytes.subarray(0, bytes.length - (footerBytes(bytes) ?? 0))).map(placeLine);
}

/** Lines of a segment whose hashes begin so: the footer, and the blocks that may hold them. @throws VanishedError */
export async function readOfHash(bucket: R2Bucket, file: LogFile, hash: string): Promise<PlacedLine[]> {
  const isMeant = (line: PlacedLine) => line.hash.startsWith(hash);
  if (file.size <= SUFFIX_BYTES) return (await readSegment(bucket, file)).filter(isMeant);
  const { blocks } = await readFooter(bucket, file.key);
  const near = blocks.filter(({ hashes: [first, last] }) => hash <= last && first <= `${hash}~`);
  return (await readBlocks(bucket, file.key, near)).filter(isMeant);
}
