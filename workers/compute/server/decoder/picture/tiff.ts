// The parts of a TIFF that its decoder passes over: strips that are missing, which are refused, and pictures stored
// as JPEG in it, which are taken out strip by strip (TIFF 6.0; Adobe Photoshop TIFF Technical Note 2). Decodes nothing.
import { Buffer } from "node:buffer";
import type { RangeReader } from "../file/reader.ts";
import { damaged } from "../file/reader.ts";
import type { Turn } from "../film/turn.ts";
import type { StoredPicture } from "./heif.ts";

const MAX_PIECES = 65_536;
/** Of JPEG: a hundred million pixels in strips of eight rows. */
const MAX_JPEG_PIECES = 4096;
const [WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, STRIPS, ORIENTATION] = [256, 257, 259, 262, 273, 274];
const [STRIP_SIZES, TILE_WIDTH, TILES, TILE_SIZES, JPEG_TABLES] = [279, 322, 324, 325, 347];
const [OLD_JPEG, JPEG] = [6, 7];
const RGB = 2;
/** Adobe's segment, by which a decoder knows that three channels are red, green and blue. */
const IS_RGB = Buffer.from("ffee000e41646f626500640000000000", "hex");
/** By orientation, 1 to 8. */
const TURNS: (Turn | undefined)[] = [
  undefined,
  undefined,
  { a: -1, b: 0, c: 0, d: 1 },
  { a: -1, b: 0, c: 0, d: -1 },
  { a: 1, b: 0, c: 0, d: -1 },
  { a: 0, b: 1, c: 1, d: 0 },
  { a: 0, b: 1, c: -1, d: 0 },
  { a: 0, b: -1, c: -1, d: 0 },
  { a: 0, b: -1, c: 1, d: 0 },
];

/** The picture's JPEG pieces, or undefined where the decoder reads the file itself. Throws `bad_media`. */
export function readTiff(reader: RangeReader, bytes: Buffer): StoredPicture | undefined {
  const tags = tagsOf(bytes);
  const number = (tag: number, otherwise = 0) => tags.get(tag)?.numbers[0] ?? otherwise;
  const places = tags.get(TILES) ?? tags.get(STRIPS);
  const sizes = tags.get(TILE_SIZES) ?? tags.get(STRIP_SIZES);
  const end = Math.max(0, ...(places?.numbers ?? []).map((start, i) => start + (sizes?.numbers[i] ?? 0)));
  if (!places || end > bytes.length)
    throw damaged(reader, `is cut short: its picture ends at byte ${end}, the file at ${bytes.length}`);
  const compression = number(COMPRESSION);
  if (compression === OLD_JPEG)
    throw damaged(reader, "is a TIFF with JPEG of the old manner, which is not read here");
  if (compression !== JPEG) return undefined;
  if (places.numbers.length > MAX_JPEG_PIECES)
    throw damaged(reader, `has ${places.numbers.length} strips; ${MAX_JPEG_PIECES} are the most`);
  const tables = tags.get(JPEG_TABLES)?.bytes;
  const [width, height] = [number(WIDTH), number(HEIGHT)];
  const tiles = places.numbers.map((start, i) => {
    const piece = bytes.subarray(start, start + (sizes?.numbers[i] ?? 0));
    const parts = [piece.subarray(0, 2)];
    if (number(PHOTOMETRIC) === RGB) parts.push(IS_RGB);
    // Tables come as a JPEG without a picture: between its first marker and its last.
    if (tables && tables.length > 4) parts.push(tables.subarray(2, -2));
    return [{ data: Buffer.concat([...parts, piece.subarray(2)]) }];
  });
  const turn = TURNS[number(ORIENTATION, 1)];
  const columns = tags.has(TILES) ? Math.ceil(width / Math.max(1, number(TILE_WIDTH))) : 1;
  const shared = { codec: "mjpeg" as const, config: Buffer.alloc(0), colour: undefined, alpha: undefined };
  return { ...shared, width, height, columns, tiles, turns: turn ? [turn] : [] };
}

/** The first directory: each tag's numbers, and its bytes. */
function tagsOf(bytes: Buffer): Map<number, { numbers: number[]; bytes: Buffer }> {
  const little = bytes[0] === 0x49;
  const uint = (at: number, size: number): number =>
    at + size > bytes.length ? 0 : little ? bytes.readUIntLE(at, size) : bytes.readUIntBE(at, size);
  const tags = new Map<number, { numbers: number[]; bytes: Buffer }>();
  const from = uint(4, 4);
  for (let i = 0; i < uint(from, 2); i++) {
    const at = from + 2 + i * 12;
    if (at + 12 > bytes.length) break;
    const [type, count] = [uint(at + 2, 2), uint(at + 4, 4)];
    const size = type === 3 ? 2 : type === 4 ? 4 : 1;
    const start = size * count <= 4 ? at + 8 : uint(at + 8, 4);
    const numbers = Array.from({ length: Math.min(count, MAX_PIECES) }, (_, n) =>
      uint(start + n * size, size),
    );
    tags.set(uint(at, 2), { numbers, bytes: bytes.subarray(start, start + size * count) });
  }
  return tags;
}
