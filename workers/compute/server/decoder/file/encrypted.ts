// Check whether a film needs a key, by what its container says of its tracks: a decoder would make noise of them, or
// nothing. Matroska and the MPEG-TS of HLS are checked in film/container.ts.
import { type Box, boxAt } from "./boxes.ts";
import { damaged, encrypted, type RangeReader } from "./reader.ts";
import { packetsOf } from "./sniff.ts";

/** Sample entries of encrypted tracks, by their four letters: ISO/IEC 14496-12, 8.12, and Apple's own. */
const ENCRYPTED_ENTRIES = new Set(["encv", "enca", "enct", "encs", "encm", "drmi", "drms", "drmt"]);
/** The way to the sample entries of a track. */
const PATH_TO_ENTRIES = ["mdia", "minf", "stbl", "stsd"];
/** Most children of one box that are looked at. */
const MAX_CHILDREN = 64;
/** Bytes of an MPEG-TS that are looked at, and the share of scrambled packets up to which it is taken for clear. */
const LOOK_BYTES = 32 * 1024;
const CLEAR_SHARE = 0.5;

/** Throws `bad_media` for an ISO film with an encrypted track. */
export async function refuseEncrypted(reader: RangeReader): Promise<void> {
  for await (const { type, start, end } of childrenOf(reader, 0, reader.size)) {
    if (type !== "moov") continue;
    for await (const track of childrenOf(reader, start, end)) {
      const entries = track.type === "trak" ? await boxAtPath(reader, track, PATH_TO_ENTRIES) : undefined;
      // Version, flags and a count stand before the entries.
      const entry = entries && (await boxAt(reader, entries.start + 8));
      if (entry && ENCRYPTED_ENTRIES.has(entry.type)) throw encrypted(reader);
    }
    return;
  }
}

/** Throws `bad_media` for an MPEG-TS whose packets are scrambled (ISO/IEC 13818-1, 2.4.3.3). */
export async function refuseScrambled(reader: RangeReader): Promise<void> {
  const head = await reader.exactly(0, Math.min(LOOK_BYTES, reader.size));
  const packets = packetsOf(head);
  if (!packets) return;
  let [scrambled, all] = [0, 0];
  for (let position = packets.offset; position + 4 <= head.length; position += packets.size) {
    const pid = (((head[position + 1] ?? 0) & 0x1f) << 8) | (head[position + 2] ?? 0);
    // Tables and padding are never scrambled.
    if (head[position] !== 0x47 || pid < 0x20 || pid === 0x1fff) continue;
    all += 1;
    if ((head[position + 3] ?? 0) & 0xc0) scrambled += 1;
  }
  if (scrambled > all * CLEAR_SHARE)
    throw damaged(reader, "is encrypted (scrambled packets), and there is no key to read it with");
}

async function boxAtPath(reader: RangeReader, box: Box, path: string[]): Promise<Box | undefined> {
  let current: Box | undefined = box;
  for (const type of path) {
    let next: Box | undefined;
    for await (const child of childrenOf(reader, current.start, current.end)) {
      if (child.type === type) {
        next = child;
        break;
      }
    }
    if (!next) return undefined;
    current = next;
  }
  return current;
}

async function* childrenOf(reader: RangeReader, start: number, end: number): AsyncGenerator<Box> {
  let position = start;
  for (let count = 0; count < MAX_CHILDREN && position < end; count++) {
    const box = await boxAt(reader, position);
    if (!box) return;
    yield box;
    position = box.end;
  }
}
