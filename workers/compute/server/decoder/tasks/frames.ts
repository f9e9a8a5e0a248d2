// Thumbnails: frames at chosen times as still pictures. Runs in the decoder child only.
import type { Frame } from "node-av/lib";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import { damaged, type RangeReader } from "../file/reader.ts";
import type { ImageFormat, VideoFormat } from "../file/sniff.ts";
import { shownSize } from "../film/scaler.ts";
import { Media } from "../film/video.ts";
import { encodePicture } from "../frame/encode.ts";
import { withPicture } from "../picture/still.ts";
import type { FramesJob, Output } from "../protocol.ts";
import { roundTime } from "../spans.ts";

/** Pictures in one answer. */
const MAX_PICTURES = 1000;
/** Seconds between times that are decoded in one go rather than by two jumps. */
const NEAR_SECONDS = 2;

/** One picture for each time, in their order; of a still picture, itself. */
export async function* takeFrames(
  reader: RangeReader,
  format: VideoFormat | ImageFormat,
  job: FramesJob,
): AsyncGenerator<Output> {
  if (format.kind === "image") {
    yield await withPicture(reader, format, (frame) => encodeShot(frame, 0, 0, job));
    return;
  }
  const media = await Media.open(reader, format.demuxer);
  try {
    const times = timesOf(media.info.duration, job);
    if (times.length > MAX_PICTURES) {
      const detail = `${times.length} frames of ${reader.name} are asked for; ${MAX_PICTURES} are the most`;
      throw new FailureError(fail("too_large", detail, { where: reader.name }).failure);
    }
    let index = 0;
    for (const group of groupNear(times)) {
      for await (const { time, frame } of media.framesAt(group)) yield encodeShot(frame, index++, time, job);
    }
    if (index === 0 && times.length > 0) throw damaged(reader, "has no frame that can be decoded");
  } finally {
    await media.close();
  }
}

function timesOf(duration: number, { at, every }: FramesJob): number[] {
  if (at) return at.filter((time) => time < duration).sort((a, b) => a - b);
  const step = every ?? 10;
  const count = Math.min(MAX_PICTURES + 1, Math.max(1, Math.ceil((duration - 1e-3) / step)));
  return Array.from({ length: count }, (_, n) => n * step);
}

function groupNear(times: readonly number[]): number[][] {
  const groups: number[][] = [];
  for (const time of times) {
    const group = groups.at(-1);
    if (group && time - (group.at(-1) ?? 0) <= NEAR_SECONDS) group.push(time);
    else groups.push([time]);
  }
  return groups;
}

function encodeShot(frame: Frame, index: number, time: number, { size, format }: FramesJob): Output {
  const shown = shownSize(frame);
  const shrink = Math.min(1, size / Math.max(shown.width, shown.height));
  const [width, height] = [shown.width, shown.height].map((side) => Math.max(1, Math.round(side * shrink)));
  const data = encodePicture(frame, width ?? 1, height ?? 1, format).toString("base64");
  return { index, time: roundTime(time), width, height, format, data };
}
