// Makes a picture of its tiles or strips: decodes them, sets them side by side, lays the whole on the ground where
// it is transparent and turns it as it is shown. What there is to decode, heif.ts and tiff.ts say.
import { Buffer } from "node:buffer";
import {
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_MJPEG,
  AV_PIX_FMT_GRAY8,
  AV_PIX_FMT_RGB24,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  AVMEDIA_TYPE_VIDEO,
} from "node-av/constants";
import { CodecParameters, type Frame } from "node-av/lib";
import type { RangeReader } from "../file/reader.ts";
import { damaged } from "../file/reader.ts";
import { Decoder, MAX_PIXELS, packetOf } from "../film/codec.ts";
import { scaled } from "../film/scaler.ts";
import { isSideways, turned } from "../film/turn.ts";
import { blend } from "./ground.ts";
import { bytesAt, type StoredPicture } from "./heif.ts";

const CODEC_IDS = {
  hevc: AV_CODEC_ID_HEVC,
  av1: AV_CODEC_ID_AV1,
  h264: AV_CODEC_ID_H264,
  mjpeg: AV_CODEC_ID_MJPEG,
};

/** Pixels of three channels, rows without padding. */
export interface RgbPicture {
  pixels: Buffer;
  width: number;
  height: number;
}

/** A stored picture as it is shown. Throws `bad_media`. */
export async function pictureOfTiles(reader: RangeReader, stored: StoredPicture): Promise<RgbPicture> {
  let { width, height } = stored;
  if (width * height > MAX_PIXELS || width * height === 0)
    throw damaged(reader, `is a picture of ${width}×${height}; 100 million pixels are the most`);
  let pixels = await assembled(reader, stored, 3);
  const { alpha } = stored;
  if (alpha && alpha.width === width && alpha.height === height)
    blend(pixels, await assembled(reader, alpha, 1));
  for (const turn of stored.turns) {
    pixels = turned(pixels, width, height, 3, turn);
    if (isSideways(turn)) [width, height] = [height, width];
  }
  return { pixels, width, height };
}

/** The tiles side by side; what reaches over the right and lower edge is cut off. */
async function assembled(reader: RangeReader, stored: StoredPicture, channels: 1 | 3): Promise<Buffer> {
  const { width, height, columns } = stored;
  const rows = Math.ceil(stored.tiles.length / columns);
  let whole = Buffer.alloc(0);
  const parameters = new CodecParameters();
  parameters.alloc();
  Object.assign(parameters, { codecType: AVMEDIA_TYPE_VIDEO, codecId: CODEC_IDS[stored.codec] });
  if (stored.config.length > 0) parameters.extradata = stored.config;
  const decoder = Decoder.of(parameters, reader.name);
  let [tileWidth, tileHeight] = [0, 0];
  try {
    for (const [index, places] of stored.tiles.entries()) {
      const packet = packetOf(await bytesAt(reader, places));
      const frame = decoder.single(packet);
      packet.free();
      if (!frame) throw damaged(reader, "has a tile that cannot be decoded: it is damaged or cut short");
      if (index === 0) {
        [tileWidth, tileHeight] = [frame.width, frame.height];
        // Memory is taken for what is there, not for what is declared.
        if (tileWidth * columns < width || tileHeight * rows < height)
          throw damaged(
            reader,
            `is damaged: ${width}×${height} are declared, and its tiles are of fewer pixels`,
          );
        whole = Buffer.alloc(width * height * channels);
      }
      // The last strip may be a shorter one.
      if (frame.width !== tileWidth || frame.height > tileHeight)
        throw damaged(reader, "has tiles of different sizes");
      setColours(frame, stored.colour);
      const tile = scaled(
        frame,
        frame.width,
        frame.height,
        channels === 3 ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_GRAY8,
      );
      const [left, top] = [(index % columns) * tileWidth, Math.floor(index / columns) * tileHeight];
      const bytes = Math.min(tileWidth, width - left) * channels;
      for (let y = 0; bytes > 0 && y < Math.min(frame.height, height - top); y++) {
        const from = y * tileWidth * channels;
        tile.copy(whole, ((top + y) * width + left) * channels, from, from + bytes);
      }
    }
    return whole;
  } finally {
    decoder.close();
    parameters.free();
  }
}

/** Sets a frame's colours to those that its file names, which hold over those of its codec (6.5.5). */
function setColours(frame: Frame, colour: StoredPicture["colour"]): void {
  if (!colour) return;
  const { primaries, transfer, matrix, full } = colour;
  Object.assign(frame, {
    colorPrimaries: primaries,
    colorTrc: transfer,
    colorSpace: matrix,
    colorRange: full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG,
  });
}
