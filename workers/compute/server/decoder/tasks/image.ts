// Still pictures: decoded once, embedded or described. Runs in the decoder child only.
import { Buffer } from "node:buffer";
import {
  AV_PIX_FMT_RGB24,
  FF_DECODER_GIF,
  FF_DECODER_MJPEG,
  FF_DECODER_PNG,
  FF_DECODER_TIFF,
  FF_DECODER_WEBP,
} from "node-av/constants";
import { Codec, type Frame } from "node-av/lib";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import { damaged, type RangeReader } from "../file/reader.ts";
import type { ImageFormat } from "../file/sniff.ts";
import { Decoder, packetOf } from "../film/codec.ts";
import { scaled, shownSize } from "../film/scaler.ts";
import { Media } from "../film/video.ts";
import { type Colour, mainColours } from "../frame/colours.ts";
import { takenOf } from "../frame/take.ts";
import type { EmbedJob, Output, ReadCount } from "../protocol.ts";
import { sampledOf, since, versionOf } from "./embed-video.ts";

const LARGEST = 64 * 1024 * 1024;
const COLOUR_SIDE = 128;

/** One picture's vector, for each item that asks for it. */
export async function* embedImage(
  reader: RangeReader,
  format: ImageFormat,
  job: EmbedJob,
): AsyncGenerator<Output> {
  const taken = await picture(reader, format, (frame) => takenOf(frame, job.take));
  const sampled = { ...sampledOf([{ time: 0, taken }]), version: versionOf(reader) };
  let before: ReadCount = { bytes: 0, requests: 0 };
  for (const { index } of job.items) {
    yield { index, ...sampled, read: since(reader, before) };
    before = { ...reader.read };
  }
}

/** Size as it is shown, format, main colours. */
export async function describeImage(reader: RangeReader, format: ImageFormat): Promise<Output> {
  const seen = await picture(reader, format, (frame) => {
    const { width, height } = shownSize(frame);
    const shrink = Math.min(1, COLOUR_SIDE / Math.max(width, height));
    const [w, h] = [Math.max(1, Math.round(width * shrink)), Math.max(1, Math.round(height * shrink))];
    const colors: Colour[] = mainColours(scaled(frame, w, h, AV_PIX_FMT_RGB24));
    return { width, height, colors };
  });
  return { ...seen, format: format.name.toLowerCase(), read: reader.read };
}

const DECODERS = {
  mjpeg: FF_DECODER_MJPEG,
  png: FF_DECODER_PNG,
  webp: FF_DECODER_WEBP,
  gif: FF_DECODER_GIF,
  tiff: FF_DECODER_TIFF,
};

/** Decodes a still picture (the first one of an animation) and gives it to `use` while it is there. */
export async function picture<T>(
  reader: RangeReader,
  format: ImageFormat,
  use: (frame: Frame) => T,
): Promise<T> {
  if (reader.size > LARGEST) {
    const detail = `${reader.name} is a picture of ${reader.size} bytes; 64 MB is the most`;
    throw new FailureError(fail("too_large", detail, { where: reader.name }).failure);
  }
  if ("demuxer" in format) {
    const media = await Media.open(reader, format.demuxer);
    try {
      const got = await media.keyframe(0);
      if (!got) throw damaged(reader, "cannot be decoded: it is damaged or cut short");
      return use(got.frame);
    } finally {
      await media.close();
    }
  }
  const packet = packetOf(Buffer.from(await reader.exactly(0, reader.size)));
  const decoder = Decoder.still(Codec.findDecoderByName(DECODERS[format.decoder]), reader.name);
  try {
    const frame = decoder.single(packet);
    if (!frame)
      throw damaged(reader, "cannot be decoded: it is damaged, cut short or over 100 million pixels");
    return use(frame);
  } finally {
    packet.free();
    decoder.close();
  }
}
