// A span of a film as an MP4 by itself: packets copied where a keyframe stands at its start and MP4 takes its
// codec, else its picture encoded again as H.264. Sound is copied where MP4 takes it. Decoder child only.
import type { Buffer } from "node:buffer";
import {
  AV_NOPTS_VALUE,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_YUV420P,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  AVSEEK_FLAG_BACKWARD,
} from "node-av/constants";
import { avGetCodecName, Frame, Packet, Rational, type Stream } from "node-av/lib";
import { FailureError, fail } from "../../../src/shapes/failure.ts";
import { Container, damaged, originOf } from "./container.ts";
import { convert, scaled, shownSize } from "./decoder.ts";
import { Media } from "./media.ts";
import { h264, Muxer, packetsOf, TICKS } from "./muxer.ts";
import type { Span } from "./plan.ts";
import type { RangeReader } from "./reader.ts";
import type { VideoFormat } from "./sniff.ts";

const LONGEST = 120;
/** What players take in an MP4. */
const PICTURE = ["h264", "hevc", "av1", "vp9", "mpeg4"];
const SOUND = ["aac", "mp3", "opus", "ac3"];
const nameOf = (stream: Stream) => avGetCodecName(stream.codecpar.codecId) ?? "";

/** The MP4 of a span of at most two minutes. */
export async function clip(reader: RangeReader, format: VideoFormat, span: Span): Promise<Buffer> {
  if (span.end - span.start > LONGEST) {
    const detail = `a clip of ${Math.round(span.end - span.start)} s is asked for; ${LONGEST} s are the most`;
    throw new FailureError(fail("too_large", detail, { where: reader.name }).failure);
  }
  const container = await Container.open(reader, format.demuxer);
  const muxer = new Muxer();
  const packet = new Packet();
  packet.alloc();
  try {
    const { context } = container;
    const video = context.streams[context.findBestStream(AVMEDIA_TYPE_VIDEO)];
    if (!video) throw damaged(reader, "has no video track");
    const heard = context.streams[context.findBestStream(AVMEDIA_TYPE_AUDIO)];
    const audio = heard && SOUND.includes(nameOf(heard)) ? heard : undefined;
    const copies = new Map<number, Stream>();
    if (PICTURE.includes(nameOf(video)) && (await startsAt(container, video, span.start, packet))) {
      copies.set(video.index, muxer.copied(video));
      if (audio) copies.set(audio.index, muxer.copied(audio));
      await muxer.begin();
    } else
      await encode(reader, format, span, muxer, () => audio && copies.set(audio.index, muxer.copied(audio)));
    if (copies.size > 0) await copy(container, originOf(video), copies, span, muxer, packet);
    return await muxer.end(reader.name);
  } finally {
    packet.free();
    muxer.close();
    await container.close();
  }
}

const goTo = ({ context }: Container, stream: Stream, time: number) => {
  const at = BigInt(Math.floor((time + originOf(stream)) / stream.timeBase.toDouble() + 0.5));
  return context.seekFrame(stream.index, at, AVSEEK_FLAG_BACKWARD);
};

/** Whether a keyframe is shown just where the span starts. */
async function startsAt(
  container: Container,
  video: Stream,
  start: number,
  packet: Packet,
): Promise<boolean> {
  await goTo(container, video, start);
  while ((await container.context.readFrame(packet)) >= 0) {
    const { streamIndex, pts, isKeyframe } = packet;
    packet.unref();
    if (streamIndex !== video.index || !isKeyframe) continue;
    const time = Number(pts) * video.timeBase.toDouble() - originOf(video);
    return pts !== AV_NOPTS_VALUE && Math.abs(time - start) < 1e-3;
  }
  return false;
}

/** Copies the tracks' packets of the span; times begin anew at its start. */
async function copy(
  container: Container,
  origin: number,
  copies: Map<number, Stream>,
  { start, end }: Span,
  muxer: Muxer,
  packet: Packet,
): Promise<void> {
  const { context, reader } = container;
  const [first] = [...copies.keys()];
  const lead = context.streams[first ?? 0];
  if (lead) await goTo(container, lead, start);
  const open = new Set(copies.keys());
  while (open.size > 0 && (await context.readFrame(packet)) >= 0) {
    const from = context.streams[packet.streamIndex];
    const to = copies.get(packet.streamIndex);
    if (from && to && open.has(from.index)) {
      const unit = from.timeBase.toDouble();
      const dts = packet.dts === AV_NOPTS_VALUE ? packet.pts : packet.dts;
      const shown = Number(packet.pts === AV_NOPTS_VALUE ? dts : packet.pts) * unit - origin;
      if (Number(dts) * unit - origin >= end) open.delete(from.index);
      else if (shown >= start - 1e-3 && shown < end - 1e-3) {
        const shift = BigInt(Math.round((start + origin) / unit));
        Object.assign(packet, {
          pts: (packet.pts === AV_NOPTS_VALUE ? dts : packet.pts) - shift,
          dts: dts - shift,
        });
        await muxer.write(packet, to, from.timeBase);
      }
    }
    packet.unref();
  }
  if (reader.failure) throw reader.failure;
}

/** Encodes the span's pictures as they are shown. `others` adds the further tracks before the header is written. */
async function encode(
  reader: RangeReader,
  format: VideoFormat,
  { start, end }: Span,
  muxer: Muxer,
  others: () => void,
): Promise<void> {
  const media = await Media.open(reader, format.demuxer);
  const packet = new Packet();
  packet.alloc();
  const even = (side: number) => Math.max(2, side - (side % 2));
  const [width, height] = [even(media.info.width), even(media.info.height)];
  const encoder = h264(width, height);
  const unit = new Rational(1, TICKS);
  try {
    const track = muxer.encoded(encoder);
    others();
    await muxer.begin();
    for await (const { time, frame } of media.framesFrom(start)) {
      if (time >= end - 1e-3) break;
      if (time < start - 1e-3) continue;
      const picture = upright(frame, width, height);
      picture.pts = BigInt(Math.round((time - start) * TICKS));
      for (const made of packetsOf(encoder, picture, packet)) await muxer.write(made, track, unit);
      picture.free();
    }
    for (const made of packetsOf(encoder, null, packet)) await muxer.write(made, track, unit);
  } finally {
    packet.free();
    encoder.freeContext();
    await media.close();
  }
}

function upright(frame: Frame, width: number, height: number): Frame {
  if (shownSize(frame).width === frame.width) return convert(frame, width, height, AV_PIX_FMT_YUV420P);
  const pixels = scaled(frame, width, height, AV_PIX_FMT_RGB24);
  const turned = Frame.fromVideoBuffer(pixels, { width, height, format: AV_PIX_FMT_RGB24 });
  const picture = convert(turned, width, height, AV_PIX_FMT_YUV420P);
  turned.free();
  return picture;
}
