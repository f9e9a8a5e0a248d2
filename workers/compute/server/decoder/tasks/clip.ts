// A span of a film as an MP4 by itself: packets copied where they can stand by themselves and MP4 takes their
// codec, else the picture encoded again as H.264. Sound is copied where MP4 takes it. Decoder child only.
import type { Buffer } from "node:buffer";
import { AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO } from "node-av/constants";
import { avGetCodecName, Packet, Rational, type Stream } from "node-av/lib";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import { damaged, type RangeReader } from "../file/reader.ts";
import type { VideoFormat } from "../file/sniff.ts";
import { Container, originOf } from "../film/container.ts";
import { H264, TICKS } from "../film/h264.ts";
import { Muxer } from "../film/muxer.ts";
import { picturesOf, soundOf } from "../film/packets.ts";
import { Media } from "../film/video.ts";
import type { Span } from "../spans.ts";

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
  let pictures: Packet[] | undefined;
  let sounds: Packet[] = [];
  try {
    const video = container.best(AVMEDIA_TYPE_VIDEO);
    if (!video) throw damaged(reader, "has no video track");
    const heard = container.best(AVMEDIA_TYPE_AUDIO);
    const audio = heard && SOUND.includes(nameOf(heard)) ? heard : undefined;
    if (PICTURE.includes(nameOf(video))) pictures = await picturesOf(container, video, span);
    if (audio) sounds = await soundOf(container, audio, span, originOf(video));
    const copySound = async (to: Stream | undefined) => {
      for (const packet of sounds) if (audio && to) await muxer.write(packet, to, audio.timeBase);
    };
    if (pictures) {
      const [track, other] = [muxer.copied(video), audio && muxer.copied(audio)];
      await muxer.begin();
      for (const packet of pictures) await muxer.write(packet, track, video.timeBase);
      await copySound(other);
    } else {
      let other: Stream | undefined;
      await encode(reader, format, span, muxer, () => {
        other = audio && muxer.copied(audio);
      });
      await copySound(other);
    }
    return await muxer.end(reader.name);
  } finally {
    for (const packet of [...(pictures ?? []), ...sounds]) packet.free();
    muxer.close();
    await container.close();
  }
}

/** Encodes the span's pictures. `others` adds the further tracks before the header is written. */
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
  const unit = new Rational(1, TICKS);
  let encoder: H264 | undefined;
  let track: Stream | undefined;
  const write = async (packets: Iterable<Packet>) => {
    for (const made of packets) if (track) await muxer.write(made, track, unit);
  };
  try {
    for await (const { time, frame } of media.framesFrom(start)) {
      if (time >= end - 1e-3) break;
      if (time < start - 1e-3) continue;
      if (!encoder) {
        encoder = new H264(frame);
        track = muxer.encoded(encoder.context, encoder.matrix);
        others();
        await muxer.begin();
      }
      await write(encoder.packetsOf(frame, Math.round((time - start) * TICKS), packet));
    }
    if (!encoder) throw damaged(reader, `has no frame to decode from ${start} to ${end} s`);
    await write(encoder.rest(packet));
  } finally {
    packet.free();
    encoder?.close();
    await media.close();
  }
}
