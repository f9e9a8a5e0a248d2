// Description of a file by its headers, without decoding any film. Runs in the decoder child only.
import { AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_SUBTITLE, AVMEDIA_TYPE_VIDEO } from "node-av/constants";
import { avGetCodecName, type Stream } from "node-av/lib";
import { damaged, type RangeReader } from "../file/reader.ts";
import type { Format } from "../file/sniff.ts";
import { Container, durationOf } from "../film/container.ts";
import { describe, type MediaInfo } from "../film/describe.ts";
import { shownSize } from "../film/scaler.ts";
import { Media } from "../film/video.ts";
import { withPicture } from "../picture/still.ts";
import type { Output } from "../protocol.ts";
import { roundTime } from "../spans.ts";

const STREAM_KINDS = new Map([
  [AVMEDIA_TYPE_VIDEO as number, "video"],
  [AVMEDIA_TYPE_AUDIO as number, "audio"],
  [AVMEDIA_TYPE_SUBTITLE as number, "subtitle"],
]);

/** Container, duration and every stream of a film; size of a picture. */
export async function probe(reader: RangeReader, format: Format): Promise<Output> {
  const { name } = format;
  if (format.kind === "image") {
    const shown = await withPicture(reader, format, shownSize);
    return { kind: "image", container: name, size: reader.size, ...shown, streams: [], read: reader.read };
  }
  const container = await Container.open(reader, format.demuxer);
  const media = container.best(AVMEDIA_TYPE_VIDEO) && (await Media.over(container));
  try {
    const [first] = container.tracks;
    if (!first) throw damaged(reader, "has no tracks: it is damaged or cut short");
    const duration = media?.info.duration ?? durationOf(container.context, first);
    const streams = container.tracks.map((stream) => ({
      index: stream.index,
      ...(media?.stream.index === stream.index ? pictureOf(media.info) : streamOf(container, stream)),
    }));
    const kind = media ? "video" : container.best(AVMEDIA_TYPE_AUDIO) ? "audio" : "other";
    return {
      kind,
      container: name,
      size: reader.size,
      duration: roundTime(duration),
      streams,
      read: reader.read,
    };
  } finally {
    await (media ?? container).close();
  }
}

function streamOf({ context }: Container, stream: Stream): Record<string, unknown> {
  const { codecId, codecType, sampleRate, channels } = stream.codecpar;
  const type = STREAM_KINDS.get(codecType) ?? "other";
  const codec = avGetCodecName(codecId) ?? "unknown";
  if (type === "audio") return { type, codec, sample_rate: sampleRate, channels };
  if (type !== "video") return { type, codec };
  return pictureOf(describe(context, stream));
}

const pictureOf = ({ codec, width, height, rotation, fps, frames }: MediaInfo) => ({
  type: "video",
  codec,
  width,
  height,
  rotation,
  fps,
  frames,
});
