// Still pictures: decoded once, embedded or described. Runs in the decoder child only.
import { AV_PIX_FMT_RGB24 } from "node-av/constants";
import type { RangeReader } from "../file/reader.ts";
import type { ImageFormat } from "../file/sniff.ts";
import { scaled, shownSize } from "../film/scaler.ts";
import { type Colour, mainColours } from "../frame/colours.ts";
import { takenOf } from "../frame/take.ts";
import { withPicture } from "../picture/still.ts";
import type { EmbedJob, Output, ReadCount } from "../protocol.ts";
import { readSince, sampledOf, versionOf } from "./embed-video.ts";

const COLOUR_SIDE_PIXELS = 128;

/** One picture's vector, for each item that asks for it. */
export async function* embedImage(
  reader: RangeReader,
  format: ImageFormat,
  job: EmbedJob,
): AsyncGenerator<Output> {
  const taken = await withPicture(reader, format, (frame) => takenOf(frame, job.take));
  const sampled = { ...sampledOf([{ time: 0, taken }], job.media), version: versionOf(reader) };
  let before: ReadCount = { bytes: 0, requests: 0 };
  for (const { index } of job.items) {
    yield { index, ...sampled, read: readSince(reader, before) };
    before = { ...reader.read };
  }
}

/** Size as it is shown, format, main colours. */
export async function describeImage(reader: RangeReader, format: ImageFormat): Promise<Output> {
  const description = await withPicture(reader, format, (frame) => {
    const { width, height } = shownSize(frame);
    const shrink = Math.min(1, COLOUR_SIDE_PIXELS / Math.max(width, height));
    const [w, h] = [Math.max(1, Math.round(width * shrink)), Math.max(1, Math.round(height * shrink))];
    const colors: Colour[] = mainColours(scaled(frame, w, h, AV_PIX_FMT_RGB24));
    return { width, height, colors };
  });
  return { ...description, format: format.name.toLowerCase(), read: reader.read };
}
