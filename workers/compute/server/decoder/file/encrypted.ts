// Whether a film needs a key, by what its container says of its tracks: a decoder would make noise of them, or
// come to nothing. Matroska and the MPEG-TS of HLS: container.ts.
import { type Box, boxAt } from "./boxes.ts";
import { damaged, encrypted, type RangeReader } from "./reader.ts";

import { packetsOf } from "./sniff.ts";

/** Sample entries of encrypted tracks, by their four letters: ISO/IEC 14496-12, 8.12, and Apple's own. */
const ENTRIES = new Set(["encv", "enca", "enct", "encs", "encm", "drmi", "drms", "drmt"]);
/** The way to the sample entries of a track. */
const TO_ENTRIES = ["mdia", "minf", "stbl", "stsd"];
/** Children looked at in one box. */
const MAX_CHILDREN = 64;
/** Of MPEG-TS: looked at, and with less scrambled than this share of it, it is taken for clear. */
const LOOK_BYTES = 32 * 1024;
const CLEAR_SHARE = 0.5;

/** Throws `bad_media` for an ISO film with an encrypted track. */
export async function refuseEncrypted(reader: RangeReader): Promise<void> {
  for await (const { type, start, end } of boxes(reader, 0, reader.size)) {
    if (type !== "moov") continue;
    for await (const track of boxes(reader, start, end)) {
      const entries = track.type === "trak" ? await inside(reader, track, TO_ENTRIES) : undefined;
      // Version, flags and a count stand before the entries.
      const entry = entries && (await boxAt(reader, entries.start + 8));
      if (entry && ENTRIES.has(entry.type)) throw encrypted(reader);
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
  for (let at = packets.offset; at + 4 <= head.length; at += packets.size) {
    const pid = (((head[at + 1] ?? 0) & 0x1f) << 8) | (head[at + 2] ?? 0);
    // Tables and padding are never scrambled.
    if (head[at] !== 0x47 || pid < 0x20 || pid === 0x1fff) continue;
    all += 1;
    if ((head[at + 3] ?? 0) & 0xc0) scrambled += 1;
  }
  if (scrambled > all * CLEAR_SHARE)
    throw damaged(reader, "is encrypted (scrambled packets), and there is no key to read it with");
}

async function inside(reader: RangeReader, box: Box, path: string[]): Promise<Box | undefined> {
  let at: Box | undefined = box;
  for (const type of path) {
    let found: Box | undefined;
    for await (const child of boxes(reader, at.start, at.end)) {
      if (child.type === type) {
        found = child;
        break;
      }
    }
    if (!found) return undefined;
    at = found;
  }
  return at;
}

async function* boxes(reader: RangeReader, start: number, end: number): AsyncGenerator<Box> {
  let position = start;
  for (let count = 0; count < MAX_CHILDREN && position < end; count++) {
    const box = await boxAt(reader, position);
    if (!box) return;
    yield box;
    position = box.end;
  }
}
