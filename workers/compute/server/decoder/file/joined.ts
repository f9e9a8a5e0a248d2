// Check for several films or sounds one behind another in one file, as `cat` joins them. Players show the first of them and
// pass over the rest, or lose their place; so it is refused, before any of it is read as one.
import { Buffer } from "node:buffer";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import type { RangeReader } from "./reader.ts";
import type { HeardFormat } from "./sniff.ts";
import { restartOf } from "./transport.ts";

/** Size up to which a recording is searched that does not say how long it is. */
const MAX_SEARCHED_BYTES = 32 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
const EBML_ID = Buffer.from("1a45dfa3", "hex");
const SEGMENT_ID = 0x18538067;
const MAX_BOXES = 64;
const FLAC_ID = Buffer.from("fLaC", "latin1");
const FLAC_INFO_BYTES = 34;
const OGG_ID = Buffer.from("OggS", "latin1");
/** The largest page of Ogg, what stands before its lengths, and the mark of a stream's first. */
const [PAGE_BYTES, PAGE_HEAD_BYTES, FIRST_PAGE] = [65_307, 27, 2];

/** Where another one is found. Frames of MP3 have no times: joined ones go on. */
const FINDERS: Partial<Record<HeardFormat["demuxer"], (reader: RangeReader) => Promise<number | undefined>>> =
  {
    mov: secondMovie,
    matroska: secondHeader,
    mpegts: restartOf,
    avi: secondRiff,
    wav: secondRiff,
    flac: secondFlac,
    ogg: foreignPage,
  };

/** Throws `bad_media` for a film or a sound behind which another one begins. */
export async function refuseJoined(reader: RangeReader, { kind, demuxer }: HeardFormat): Promise<void> {
  const at = await FINDERS[demuxer]?.(reader);
  if (at === undefined) return;
  const next = "Join them so that their times go on, for example with ffmpeg's concat demuxer.";
  const what = kind === "video" ? "films" : "sounds";
  const detail = `${reader.name} is several ${what} joined byte by byte: byte ${at} is of another one, whose times start anew`;
  throw new FailureError(fail("bad_media", detail, { where: reader.name, next }).failure);
}

/** Where an ISO file has a second beginning. A fragmented one has no end to look behind. */
async function secondMovie(reader: RangeReader): Promise<number | undefined> {
  const seen = new Set<string>();
  for (let at = 0, count = 0; at + 16 <= reader.size && count < MAX_BOXES; count++) {
    const header = Buffer.from(await reader.exactly(at, at + 16));
    const [short, type] = [header.readUInt32BE(0), header.toString("latin1", 4, 8)];
    const length = short === 1 ? Number(header.readBigUInt64BE(8)) : short;
    if (type === "moof" || length < 8) return undefined;
    if (type === "ftyp" && seen.has("moov")) return at;
    seen.add(type);
    at += length;
  }
  return undefined;
}

/** Where a Matroska file has a second header: behind its segment, or anywhere in one that does not say its length. */
async function secondHeader(reader: RangeReader): Promise<number | undefined> {
  const segment = await segmentOf(reader);
  if (segment === undefined) return undefined;
  if (segment.end !== undefined) {
    if (segment.end + 4 > reader.size) return undefined;
    return EBML_ID.equals(await reader.exactly(segment.end, segment.end + 4)) ? segment.end : undefined;
  }
  // The header's version, its first member.
  return search(reader, segment.start, EBML_ID, (bytes) =>
    bytes.subarray(5, 16).includes("\x42\x86", 0, "latin1"),
  );
}

/** Where a FLAC file has a second beginning: its name, and the length of the block that comes first. */
function secondFlac(reader: RangeReader): Promise<number | undefined> {
  return search(reader, FLAC_ID.length, FLAC_ID, (bytes) => bytes.readUIntBE(5, 3) === FLAC_INFO_BYTES);
}

/** Where, in a file that is not too large, some bytes stand that are followed by the right ones. */
async function search(
  reader: RangeReader,
  from: number,
  id: Buffer,
  isRight: (bytes: Buffer) => boolean,
): Promise<number | undefined> {
  if (reader.size > MAX_SEARCHED_BYTES) return undefined;
  for (let start = from; start < reader.size; start += PIECE_BYTES) {
    const bytes = Buffer.from(await reader.exactly(start, Math.min(start + PIECE_BYTES + 64, reader.size)));
    for (let at = bytes.indexOf(id); at >= 0 && at + 16 <= bytes.length; at = bytes.indexOf(id, at + 1))
      if (isRight(bytes.subarray(at))) return start + at;
  }
  return undefined;
}

/** The last page of an Ogg file, where it is of a stream that the file does not begin with (RFC 3533, 4 and 6). */
async function foreignPage(reader: RangeReader): Promise<number | undefined> {
  const own = new Set<number>();
  const head = Buffer.from(await reader.exactly(0, Math.min(PAGE_BYTES, reader.size)));
  for (let at = 0; at + PAGE_HEAD_BYTES <= head.length && ((head[at + 5] ?? 0) & FIRST_PAGE) !== 0; ) {
    own.add(head.readUInt32LE(at + 14));
    const lengths = head.subarray(at + PAGE_HEAD_BYTES, at + PAGE_HEAD_BYTES + (head[at + 26] ?? 0));
    at += PAGE_HEAD_BYTES + lengths.length + lengths.reduce((sum, length) => sum + length, 0);
  }
  const from = Math.max(0, reader.size - PAGE_BYTES);
  const tail = Buffer.from(await reader.exactly(from, reader.size));
  const last = tail.lastIndexOf(OGG_ID, tail.length - PAGE_HEAD_BYTES);
  if (last < 0 || own.size === 0 || own.has(tail.readUInt32LE(last + 14))) return undefined;
  return from + last;
}

/** Whether a Matroska file is all there, as far as it says. */
export async function isWholeSegment(reader: RangeReader): Promise<boolean> {
  const segment = await segmentOf(reader);
  return segment !== undefined && (segment.end ?? 0) <= reader.size;
}

/** Where the contents of a Matroska file's segment begin and, unless it was recorded live, end. */
async function segmentOf(reader: RangeReader): Promise<{ start: number; end?: number } | undefined> {
  const head = Buffer.from(await reader.exactly(0, Math.min(1024, reader.size)));
  const header = lengthAt(head, 4);
  if (!header) return undefined;
  const at = 4 + header.bytes + (header.value ?? 0);
  if (at + 12 > head.length || head.readUInt32BE(at) !== SEGMENT_ID) return undefined;
  const segment = lengthAt(head, at + 4);
  if (!segment) return undefined;
  const start = at + 4 + segment.bytes;
  return segment.value === undefined ? { start } : { start, end: start + segment.value };
}

/** A length as EBML writes it; all ones stand for none. */
function lengthAt(bytes: Buffer, at: number): { value: number | undefined; bytes: number } | undefined {
  const size = Math.clz32(bytes[at] ?? 0) - 23;
  if (size > 8 || at + size > bytes.length) return undefined;
  let value = (bytes[at] ?? 0) & (0xff >> size);
  let ones = value === 0xff >> size;
  for (const byte of bytes.subarray(at + 1, at + size)) {
    value = value * 256 + byte;
    ones &&= byte === 0xff;
  }
  return { value: ones ? undefined : value, bytes: size };
}

/** Where a second AVI or WAV begins. The further parts of a large one call themselves otherwise. */
async function secondRiff(reader: RangeReader): Promise<number | undefined> {
  for (let at = 0, count = 0; at + 12 <= reader.size && count < MAX_BOXES; count++) {
    const header = Buffer.from(await reader.exactly(at, at + 12));
    if (header.toString("latin1", 0, 4) !== "RIFF") return undefined;
    if (at > 0 && ["AVI ", "WAVE"].includes(header.toString("latin1", 8, 12))) return at;
    const length = header.readUInt32LE(4);
    at += 8 + length + (length % 2);
  }
  return undefined;
}
