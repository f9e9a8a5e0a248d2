// Check of the times in an MPEG transport stream, by its packets' headers alone: whether they go on to the end, or
// begin anew where another stream was put behind the first. Decodes nothing.
import { Buffer } from "node:buffer";
import type { RangeReader } from "./reader.ts";

/** Packets of 188 bytes, with four before each (Blu-ray), or sixteen behind (for broadcast). */
const PACKET_BYTES = [188, 192, 204];
const SYNC_BYTE = 0x47;
/** Size up to which a stream is read whole; of a longer one, pieces are. */
const MAX_WHOLE_BYTES = 32 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
const SAMPLE_BYTES = 64 * 1024;
const SAMPLES = 48;
/** Ticks of 90 kHz, of which there are 33 bits. */
const WRAP_TICKS = 2 ** 33;
/** Half a second: what is said to be decoded so much before what came before it belongs to another stream. */
const RESTART_TICKS = 45_000;

/** The byte at which a stream's times begin anew; undefined where they go on. */
export async function restartOf(reader: RangeReader): Promise<number | undefined> {
  const last = new Map<number, number>();
  const step = reader.size <= MAX_WHOLE_BYTES ? PIECE_BYTES : Math.floor(reader.size / SAMPLES);
  const length = reader.size <= MAX_WHOLE_BYTES ? PIECE_BYTES : SAMPLE_BYTES;
  for (let start = 0; start < reader.size; start += step) {
    const end = Math.min(start + length + 2 * 204, reader.size);
    const bytes = Buffer.from(await reader.exactly(start, end));
    for (const { at, pid, time } of timesIn(bytes)) {
      if (at >= length) break;
      const before = last.get(pid);
      if (before !== undefined && signed(time - before) < -RESTART_TICKS) return start + at;
      last.set(pid, time);
    }
  }
  return undefined;
}

/** The difference of two times as it is meant, whichever of them has wrapped. */
const signed = (ticks: number) =>
  ((((ticks + WRAP_TICKS / 2) % WRAP_TICKS) + WRAP_TICKS) % WRAP_TICKS) - WRAP_TICKS / 2;

/** When the pictures and sounds are decoded that begin in some bytes, and where their packets do. */
function* timesIn(bytes: Buffer): Generator<{ at: number; pid: number; time: number }> {
  const packets = alignmentOf(bytes);
  if (!packets) return;
  for (let at = packets.offset; at + 188 <= bytes.length; at += packets.size) {
    if (bytes[at] !== SYNC_BYTE) return;
    const begins = ((bytes[at + 1] ?? 0) & 0x40) !== 0;
    const time = begins ? timeOf(bytes, at) : undefined;
    if (time !== undefined) yield { at, pid: bytes.readUInt16BE(at + 1) & 0x1fff, time };
  }
}

function alignmentOf(bytes: Buffer): { offset: number; size: number } | undefined {
  for (let offset = 0; offset < 204; offset++)
    for (const size of PACKET_BYTES)
      if ([0, 1, 2, 3].every((n) => bytes[offset + n * size] === SYNC_BYTE)) return { offset, size };
  return undefined;
}

/** The time of decoding, else of showing, in the header of what begins in a packet. */
function timeOf(bytes: Buffer, at: number): number | undefined {
  const control = ((bytes[at + 3] ?? 0) >> 4) & 3;
  if (control !== 1 && control !== 3) return undefined;
  const start = at + 4 + (control === 3 ? 1 + (bytes[at + 4] ?? 0) : 0);
  const end = at + 188;
  if (start + 19 > end || bytes.readUIntBE(start, 3) !== 1) return undefined;
  // Pictures and sounds; other parts have other headers.
  if (((bytes[start + 3] ?? 0) & 0xc0) !== 0xc0 && bytes[start + 3] !== 0xbd) return undefined;
  const flags = (bytes[start + 7] ?? 0) >> 6;
  if (flags < 2) return undefined;
  const from = start + 9 + (flags === 3 ? 5 : 0);
  const byte = (n: number) => bytes[from + n] ?? 0;
  return (
    ((byte(0) >> 1) & 7) * 2 ** 30 +
    byte(1) * 2 ** 22 +
    (byte(2) >> 1) * 2 ** 15 +
    byte(3) * 128 +
    (byte(4) >> 1)
  );
}
