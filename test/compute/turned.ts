// Media that say of themselves that they must be turned to be upright.
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";

/** The film, held sideways: a quarter turn clockwise in its track's matrix. */
export function sideways(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf("tkhd") + 4 + 40;
  [0, 0x10000, 0, -0x10000, 0, 0].forEach((value, i) => {
    copy.writeInt32BE(value, at + i * 4);
  });
  return copy;
}
/** The JPEG with an EXIF orientation, 1 to 8. */
export function exif(bytes: Buffer, orientation: number): Buffer {
  const tiff = Buffer.from("4d4d002a00000008000101120003000000010000000000000000", "hex");
  tiff.writeUInt16BE(orientation, 18);
  const body = Buffer.concat([Buffer.from("Exif\0\0", "latin1"), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, body.length + 2]);
  return Buffer.concat([bytes.subarray(0, 2), head, body, bytes.subarray(2)]);
}

/** EXIF's block of one field, the orientation, as TIFF. */
function block(orientation: number): Buffer {
  const tiff = Buffer.from("4d4d002a00000008000101120003000000010000000000000000", "hex");
  tiff.writeUInt16BE(orientation, 18);
  return tiff;
}

/** The PNG with an eXIf chunk before its pixels. */
export function exifPng(bytes: Buffer, orientation: number): Buffer {
  const body = Buffer.concat([Buffer.from("eXIf", "latin1"), block(orientation)]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length - 4);
  sum.writeUInt32BE(crc32(body));
  const at = bytes.indexOf("IDAT") - 4;
  return Buffer.concat([bytes.subarray(0, at), length, body, sum, bytes.subarray(at)]);
}

/** The plain WebP as an extended one, with an EXIF chunk after its picture. */
export function exifWebp(bytes: Buffer, orientation: number): Buffer {
  const chunk = (type: string, body: Buffer) => {
    const head = Buffer.from(`${type}\0\0\0\0`, "latin1");
    head.writeUInt32LE(body.length, 4);
    return Buffer.concat([head, body, Buffer.alloc(body.length & 1)]);
  };
  // A lossy picture's size stands in its frame header, 14 bits each.
  const at = bytes.indexOf(Buffer.from("9d012a", "hex")) + 3;
  const header = Buffer.alloc(10);
  header[0] = 0x08;
  header.writeUIntLE((bytes.readUInt16LE(at) & 0x3fff) - 1, 4, 3);
  header.writeUIntLE((bytes.readUInt16LE(at + 2) & 0x3fff) - 1, 7, 3);
  const picture = bytes.subarray(bytes.indexOf("VP8 "));
  const body = Buffer.concat([chunk("VP8X", header), picture, chunk("EXIF", block(orientation))]);
  const riff = Buffer.from("RIFF\0\0\0\0WEBP", "latin1");
  riff.writeUInt32LE(body.length + 4, 4);
  return Buffer.concat([riff, body]);
}

/** The TIFF (little-endian, of one directory) with an orientation: a new directory at its end. */
export function exifTiff(bytes: Buffer, orientation: number): Buffer {
  const at = bytes.readUInt32LE(4);
  const count = bytes.readUInt16LE(at);
  const entries = Array.from({ length: count }, (_, i) => bytes.subarray(at + 2 + i * 12, at + 14 + i * 12));
  const own = Buffer.from("120103000100000000000000", "hex");
  own.writeUInt16LE(orientation, 8);
  const all = [...entries.filter((entry) => entry.readUInt16LE(0) !== 0x112), own];
  all.sort((a, b) => a.readUInt16LE(0) - b.readUInt16LE(0));
  const head = Buffer.from(bytes);
  head.writeUInt32LE(bytes.length, 4);
  const size = Buffer.alloc(2);
  size.writeUInt16LE(all.length);
  return Buffer.concat([head, size, ...all, Buffer.alloc(4)]);
}

/** The AVIF with the properties irot and imir, which together are EXIF's orientations (ISO 23008-12, 6.5.10). */
export function turnedAvif(bytes: Buffer, orientation: number): Buffer {
  // Quarter turns against the clock first, then a mirroring: of rows (0, top to bottom) or columns (1).
  const [quarters, axis] = ([[0], [0], [0, 1], [2], [0, 0], [1, 0], [3], [3, 0], [1]] as [number, number?][])[
    orientation
  ] ?? [0];
  const boxes: Buffer[] = [];
  const box = (type: string, value: number) =>
    Buffer.concat([Buffer.from([0, 0, 0, 9]), Buffer.from(type, "latin1"), Buffer.from([value])]);
  if (quarters > 0) boxes.push(box("irot", quarters));
  if (axis !== undefined) boxes.push(box("imir", axis));
  const added = Buffer.concat(boxes);
  const ipco = bytes.indexOf("ipco") - 4;
  const end = ipco + bytes.readUInt32BE(ipco);
  let properties = 0;
  for (let at = ipco + 8; at < end; at += bytes.readUInt32BE(at)) properties += 1;
  const ipma = bytes.indexOf("ipma") - 4;
  // Version and flags, one entry, the item's id, its number of properties.
  const last = ipma + bytes.readUInt32BE(ipma);
  const links = Buffer.from(boxes.map((_, i) => 0x80 | (properties + 1 + i)));
  const grown = Buffer.concat([
    bytes.subarray(0, end),
    added,
    bytes.subarray(end, last),
    links,
    bytes.subarray(last),
  ]);
  const more = added.length + links.length;
  grown.writeUInt32BE(bytes.readUInt32BE(ipco) + added.length, ipco);
  grown.writeUInt32BE(bytes.readUInt32BE(ipma) + links.length, ipma + added.length);
  grown[ipma + added.length + 18] = (bytes[ipma + 18] ?? 0) + boxes.length;
  for (const type of ["iprp", "meta"]) {
    const at = bytes.indexOf(type) - 4;
    grown.writeUInt32BE(bytes.readUInt32BE(at) + more, at);
  }
  // iloc: the item's offset in the file, which the boxes before it have moved.
  const iloc = bytes.indexOf("iloc") - 4;
  const extent = iloc + bytes.readUInt32BE(iloc) - 8;
  grown.writeUInt32BE(bytes.readUInt32BE(extent) + more, extent);
  return grown;
}
