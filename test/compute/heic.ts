// HEIC files drawn for tests: a picture of tiles as phones write it, turned and mirrored as asked for, with a
// thumbnail, every tile being the one frame of an MP4 that ffmpeg has encoded as HEVC.
import { Buffer } from "node:buffer";

export interface Heic {
  columns: number;
  rows: number;
  /** Of a tile. */
  side: number;
  /** Quarter turns against the clock, and 0 to exchange top and bottom or 1 left and right. */
  irot?: number;
  imir?: number;
}

const uint = (value: number, size: number) => {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
};
const box = (type: string, ...parts: Buffer[]) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([uint(body.length + 8, 4), Buffer.from(type, "latin1"), body]);
};
const full = (type: string, version: number, ...parts: Buffer[]) =>
  box(type, uint(version << 24, 4), ...parts);
const inside = (mp4: Buffer, type: string) => {
  const at = mp4.indexOf(type);
  return mp4.subarray(at + 4, at - 4 + mp4.readUInt32BE(at - 4));
};

/** The file: item 1 is the grid, 2 the thumbnail (a single tile), the others the tiles in their order. */
export function heicOf(mp4: Buffer, { columns, rows, side, irot, imir }: Heic): Buffer {
  const sample = inside(mp4, "mdat");
  const tiles = Array.from({ length: columns * rows }, (_, i) => i + 3);
  const [width, height] = [columns * side, rows * side];
  const entry = (id: number, type: string) =>
    full("infe", 2, uint(id, 2), uint(0, 2), Buffer.from(`${type}\0`, "latin1"));
  const properties = [
    full("ispe", 0, uint(width, 4), uint(height, 4)),
    full("ispe", 0, uint(side, 4), uint(side, 4)),
    box("hvcC", inside(mp4, "hvcC")),
    ...(irot === undefined ? [] : [box("irot", uint(irot, 1))]),
    ...(imir === undefined ? [] : [box("imir", uint(imir, 1))]),
  ];
  const says = (id: number, indexes: number[]) =>
    Buffer.concat([uint(id, 2), uint(indexes.length, 1), ...indexes.map((index) => uint(index, 1))]);
  const grid = [1, ...properties.slice(3).map((_, i) => i + 4)];
  const items = [2, ...tiles];
  const meta = (at: number) =>
    full(
      "meta",
      0,
      full("hdlr", 0, uint(0, 4), Buffer.from("pict", "latin1"), Buffer.alloc(13)),
      full("pitm", 0, uint(1, 2)),
      full("iinf", 0, uint(items.length + 1, 2), entry(1, "grid"), ...items.map((id) => entry(id, "hvc1"))),
      full(
        "iref",
        0,
        box("dimg", uint(1, 2), uint(tiles.length, 2), ...tiles.map((id) => uint(id, 2))),
        box("thmb", uint(2, 2), uint(1, 2), uint(1, 2)),
      ),
      box(
        "iprp",
        box("ipco", ...properties),
        full("ipma", 0, uint(items.length + 1, 4), says(1, grid), ...items.map((id) => says(id, [2, 3]))),
      ),
      box("idat", Buffer.from([0, 0, rows - 1, columns - 1]), uint(width, 2), uint(height, 2)),
      full(
        "iloc",
        1,
        uint(0x4400, 2),
        uint(items.length + 1, 2),
        Buffer.concat([uint(1, 2), uint(1, 2), uint(0, 2), uint(1, 2), uint(0, 4), uint(8, 4)]),
        ...items.map((id) =>
          Buffer.concat([
            uint(id, 2),
            uint(0, 2),
            uint(0, 2),
            uint(1, 2),
            uint(at, 4),
            uint(sample.length, 4),
          ]),
        ),
      ),
    );
  const type = box("ftyp", Buffer.from("heic\0\0\0\0mif1heic", "latin1"));
  const at = type.length + meta(0).length + 8;
  return Buffer.concat([type, meta(at), box("mdat", sample)]);
}
