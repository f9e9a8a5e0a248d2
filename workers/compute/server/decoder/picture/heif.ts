// The primary picture of a HEIF file (HEIC, AVIF) by its boxes (ISO/IEC 23008-12): one coded item or a grid of
// tiles, how it is turned, and the item that holds its alpha. Decodes nothing; tiles.ts does.
import { Buffer } from "node:buffer";
import { boxAt } from "../file/boxes.ts";
import type { RangeReader } from "../file/reader.ts";
import { damaged } from "../file/reader.ts";
import type { Turn } from "../film/turn.ts";
import { type BoxView, childrenOf, Fields } from "./heif-boxes.ts";
import {
  associationsOf,
  type DataPlace,
  type HeifItem,
  itemsOf,
  locationsOf,
  referencesOf,
} from "./heif-items.ts";

/** Tiles of one picture: 48 MP in tiles of 512 pixels are 192. */
const MAX_TILES = 1024;
const MAX_META_BYTES = 8 * 1024 * 1024;
const CODECS: Record<string, "hevc" | "av1" | "h264" | "mjpeg"> = {
  hvc1: "hevc",
  hev1: "hevc",
  av01: "av1",
  avc1: "h264",
  jpeg: "mjpeg",
};
const ALPHA = ["urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:hevc:2015:auxid:1"];

/** A picture as it is stored: tiles row by row, each a packet for the codec. */
export interface StoredPicture {
  codec: "hevc" | "av1" | "h264" | "mjpeg";
  /** The codec's own header. */
  config: Buffer;
  width: number;
  height: number;
  columns: number;
  tiles: DataPlace[][];
  /** Matrix, primaries, transfer and range by their numbers in ITU-T H.273, where the file names them. */
  colour: { primaries: number; transfer: number; matrix: number; full: boolean } | undefined;
  /** What is done to it to be shown, in this order. */
  turns: Turn[];
  alpha: StoredPicture | undefined;
}

/** Reads the boxes. Throws `bad_media` where the primary picture cannot be had, and says why. */
export async function readHeif(reader: RangeReader): Promise<StoredPicture> {
  const meta = await metaOf(reader);
  const boxes = childrenOf(meta, 4);
  const bodyOf = (type: string) => boxes.find((box) => box.type === type)?.body;
  const primary = bodyOf("pitm");
  if (!primary) throw damaged(reader, "names no primary picture");
  const places = locationsOf(bodyOf("iloc"), bodyOf("idat"));
  const items = itemsOf(bodyOf("iinf"), associationsOf(bodyOf("iprp")));
  const references = referencesOf(bodyOf("iref"));
  const fields = new Fields(primary);
  const id = fields.version() === 0 ? fields.u16() : fields.u32();

  const pictureOf = async (item: HeifItem | undefined, tiles: HeifItem[]): Promise<StoredPicture> => {
    const [first = item] = tiles;
    const codec = CODECS[first?.type ?? ""];
    if (!item || !first || !codec)
      throw damaged(reader, `is a picture of items (${first?.type}) that nothing here decodes`);
    const each = (tiles.length > 0 ? tiles : [item]).map((tile) => places.get(tile.id) ?? []);
    if (each.some((place) => place.length === 0))
      throw damaged(reader, "has a picture without data: it is damaged or cut short");
    const grid = item.type === "grid" ? gridOf(await bytesAt(reader, places.get(item.id) ?? [])) : undefined;
    if (grid && grid.rows * grid.columns !== each.length)
      throw damaged(reader, `has ${each.length} tiles where ${grid.rows * grid.columns} are declared`);
    const size = grid ?? sizeOf(item.properties);
    const config = first.properties.find(({ type }) => ["hvcC", "av1C", "avcC"].includes(type))?.body;
    const colour = colourOf(item.properties) ?? colourOf(first.properties);
    const shared = {
      codec,
      config: config ?? Buffer.alloc(0),
      tiles: each,
      colour,
      turns: turnsOf(item.properties),
    };
    return {
      ...shared,
      width: size.width,
      height: size.height,
      columns: grid?.columns ?? 1,
      alpha: undefined,
    };
  };
  const itemOf = (itemId: number) => items.get(itemId);
  const tilesOf = (item: HeifItem | undefined) => {
    if (item?.type !== "grid") return [];
    const ids = references
      .filter(({ type, from }) => type === "dimg" && from === item.id)
      .flatMap(({ to }) => to);
    if (ids.length > MAX_TILES) throw damaged(reader, `has ${ids.length} tiles; ${MAX_TILES} are the most`);
    return ids.flatMap((tile) => itemOf(tile) ?? []);
  };
  const main = itemOf(id);
  const picture = await pictureOf(main, tilesOf(main));
  const aux = references
    .filter(({ type, to }) => type === "auxl" && to.includes(id))
    .map(({ from }) => itemOf(from))
    .find((item) => item?.properties.some(isAlpha));
  return { ...picture, alpha: aux && (await pictureOf(aux, tilesOf(aux))) };
}

/** The bytes of an item. Throws for one that lies past the end of the file. */
export async function bytesAt(reader: RangeReader, places: DataPlace[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (const place of places) {
    if ("data" in place) pieces.push(place.data);
    else {
      const end = place.length === 0 ? reader.size : place.start + place.length;
      if (end > reader.size || place.start >= end)
        throw damaged(
          reader,
          `is cut short: a part of its picture ends at byte ${end}, the file at ${reader.size}`,
        );
      pieces.push(Buffer.from(await reader.exactly(place.start, end)));
    }
  }
  return Buffer.concat(pieces);
}

async function metaOf(reader: RangeReader): Promise<Buffer> {
  for (let position = 0, count = 0; count < 16; count++) {
    const box = await boxAt(reader, position);
    if (!box) break;
    if (box.end > reader.size) {
      const detail = `is cut short: its ${box.type} part ends at byte ${box.end}, the file at ${reader.size}`;
      throw damaged(reader, detail);
    }
    if (box.type === "meta" && box.end - box.start <= MAX_META_BYTES)
      return Buffer.from(await reader.exactly(box.start, box.end));
    position = box.end;
  }
  throw damaged(reader, "lists no pictures: it is damaged or cut short");
}

/** The payload of a grid (ISO/IEC 23008-12, 6.6.2.3.2). */
function gridOf(bytes: Buffer): { rows: number; columns: number; width: number; height: number } {
  const fields = new Fields(bytes);
  fields.u8();
  const large = (fields.u8() & 1) === 1;
  const [rows, columns] = [fields.u8() + 1, fields.u8() + 1];
  const side = () => (large ? fields.u32() : fields.u16());
  return { rows, columns, width: side(), height: side() };
}

function sizeOf(properties: BoxView[]): { width: number; height: number } {
  const size = properties.find(({ type }) => type === "ispe");
  const fields = new Fields(size?.body ?? Buffer.alloc(12));
  fields.version();
  return { width: fields.u32(), height: fields.u32() };
}

function turnsOf(properties: BoxView[]): Turn[] {
  const quarters: Turn[] = [
    { a: 0, b: -1, c: 1, d: 0 },
    { a: -1, b: 0, c: 0, d: -1 },
    { a: 0, b: 1, c: -1, d: 0 },
  ];
  return properties.flatMap(({ type, body }) => {
    if (type === "irot") return quarters[((body[0] ?? 0) & 3) - 1] ?? [];
    // 0 exchanges top and bottom, 1 left and right (6.5.12).
    if (type === "imir")
      return (body[0] ?? 0) & 1 ? { a: -1, b: 0, c: 0, d: 1 } : { a: 1, b: 0, c: 0, d: -1 };
    return [];
  });
}

function colourOf(properties: BoxView[]): StoredPicture["colour"] {
  const body = properties.find(
    (box) => box.type === "colr" && box.body.toString("latin1", 0, 4) === "nclx",
  )?.body;
  if (!body || body.length < 11) return undefined;
  const [primaries, transfer, matrix] = [4, 6, 8].map((at) => body.readUInt16BE(at)) as [
    number,
    number,
    number,
  ];
  return { primaries, transfer, matrix, full: ((body[10] ?? 0) & 0x80) !== 0 };
}

const isAlpha = ({ type, body }: BoxView) =>
  type === "auxC" && ALPHA.some((name) => body.toString("latin1", 4).startsWith(name));
