// Check of the index at the end of an AVI: it must point to its frames. Programs that cut or repair files leave wrong
// ones, by which a decoder takes any bytes for frames.
import { Buffer } from "node:buffer";
import { damaged, type RangeReader } from "./reader.ts";

const MAX_CHUNKS = 64;
const ENTRY_BYTES = 16;
/** Entries that are looked up, evenly: most of them must be right. */
const SAMPLED_ENTRIES = 16;
const MIN_RIGHT_SHARE = 0.75;

/** Throws `bad_media` for an AVI with an index that is wrong. One without any is read from its beginning. */
export async function refuseBrokenIndex(reader: RangeReader): Promise<void> {
  const chunks = await chunksOf(reader);
  const [frames, index] = [chunks.get("movi"), chunks.get("idx1")];
  if (!frames || !index || index.length < ENTRY_BYTES) return;
  const count = Math.floor(index.length / ENTRY_BYTES);
  const step = Math.max(1, Math.floor(count / SAMPLED_ENTRIES));
  let [seen, right] = [0, 0];
  for (let n = 0; n < count; n += step) {
    const at = index.start + n * ENTRY_BYTES;
    const entry = Buffer.from(await reader.exactly(at, at + ENTRY_BYTES));
    // A frame that was left out has no bytes.
    if (entry.readUInt32LE(12) === 0) continue;
    seen += 1;
    const offset = entry.readUInt32LE(8);
    // Some count from the list of frames, some from the start of the file.
    for (const place of [frames.start + offset, offset]) {
      if (place + 4 > reader.size) continue;
      if (!entry.subarray(0, 4).equals(await reader.exactly(place, place + 4))) continue;
      right += 1;
      break;
    }
  }
  if (right < seen * MIN_RIGHT_SHARE)
    throw damaged(reader, "has an index that does not point to its frames: repair it first");
}

/** Chunks of an AVI by name. A list's `start` is where its name stands, any other's where its contents begin. */
async function chunksOf(reader: RangeReader): Promise<Map<string, { start: number; length: number }>> {
  const chunks = new Map<string, { start: number; length: number }>();
  for (let at = 12, count = 0; at + 12 <= reader.size && count < MAX_CHUNKS; count++) {
    const header = Buffer.from(await reader.exactly(at, at + 12));
    const list = header.toString("latin1", 0, 4) === "LIST";
    const [name, length] = [header.toString("latin1", list ? 8 : 0, list ? 12 : 4), header.readUInt32LE(4)];
    const whole = Math.min(length, reader.size - at - 8);
    if (!chunks.has(name)) chunks.set(name, { start: at + 8, length: whole });
    at += 8 + length + (length % 2);
  }
  return chunks;
}
