// A span of a film as an MP4 by itself: packets copied where they can stand by themselves and MP4 takes their
// codec, else encoded again, pictures as H.264 and sound as AAC. Decoder child only.
import type { Buffer } from "node:buffer";
import { AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO } from "node-av/constants";
import { avGetCodecName, Packet, Rational, type Stream } from "node-av/lib";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import { damaged, type RangeReader } from "../file/reader.ts";
import type { VideoFormat } from "../file/sniff.ts";
import { encodeSound, SAMPLE_UNIT } from "../film/aac.ts";
import { H264, TICKS_PER_SECOND } from "../film/h264.ts";
import { Muxer } from "../film/muxer.ts";
import { picturesOf, soundOf } from "../film/packets.ts";
import { Media } from "../film/video.ts";
import type { Span } from "../spans.ts";

const MAX_CLIP_SECONDS = 120;
/** What players take in an MP4. */
const MP4_PICTURE_CODECS = ["h264", "hevc", "av1", "vp9", "mpeg4"];
const MP4_SOUND_CODECS = ["aac", "mp3", "opus", "ac3"];
const nameOf = (stream: Stream) => avGetCodecName(stream.codecpar.codecId) ?? "";

/** A clip's sound: its packets, of which `unit` is the unit of time, and how its track is added to the clip. */
interface Sound {
  packets: Packet[];
  unit: Rational;
  add(muxer: Muxer): Stream;
  close(): void;
}

/** The MP4 of a span of at most two minutes. */
export async function cutClip(reader: RangeReader, format: VideoFormat, span: Span): Promise<Buffer> {
  if (span.end - span.start > MAX_CLIP_SECONDS) {
    const detail = `a clip of ${Math.round(span.end - span.start)} s is asked for; ${MAX_CLIP_SECONDS} s are the most`;
    throw new FailureError(fail("too_large", detail, { where: reader.name }).failure);
  }
  const media = await Media.open(reader, format.demuxer);
  const muxer = new Muxer();
  let pictures: Packet[] | undefined;
  let sound: Sound | undefined;
  try {
    if (MP4_PICTURE_CODECS.includes(nameOf(media.stream))) pictures = await picturesOf(media, span);
    sound = await soundOfSpan(media, span);
    let heard: Stream | undefined;
    const begin = async () => {
      heard = sound?.add(muxer);
      await muxer.begin();
    };
    if (pictures) {
      const track = muxer.copied(media.stream);
      await begin();
      for (const packet of pictures) await muxer.write(packet, track, media.stream.timeBase);
    } else await encodePictures(media, span, muxer, begin);
    for (const packet of sound?.packets ?? [])
      if (sound && heard) await muxer.write(packet, heard, sound.unit);
    const clip = await muxer.end(reader.name);
    if (clip.includes("moof")) return clip;
    throw damaged(reader, "has nothing in this span that can be shown or heard");
  } finally {
    for (const packet of [...(pictures ?? []), ...(sound?.packets ?? [])]) packet.free();
    sound?.close();
    muxer.close();
    await media.close();
  }
}

/** The span's sound, copied or encoded; undefined for a silent film. */
async function soundOfSpan({ container, origin }: Media, span: Span): Promise<Sound | undefined> {
  const stream = container.best(AVMEDIA_TYPE_AUDIO);
  if (!stream) return undefined;
  if (MP4_SOUND_CODECS.includes(nameOf(stream))) {
    const packets = await soundOf(container, stream, span, origin);
    return { packets, unit: stream.timeBase, add: (muxer) => muxer.copied(stream), close: () => {} };
  }
  const { packets, encoder } = await encodeSound(container, stream, span, origin);
  const add = (muxer: Muxer) => muxer.encoded(encoder, null);
  return { packets, unit: SAMPLE_UNIT, add, close: () => encoder.freeContext() };
}

/**
 * Encodes the span's pictures; of a span in which none begins, the one on screen. `begin` adds the further tracks and
 * writes the header.
 */
async function encodePictures(
  media: Media,
  { start, end }: Span,
  muxer: Muxer,
  begin: () => Promise<void>,
): Promise<void> {
  const packet = new Packet();
  packet.alloc();
  const unit = new Rational(1, TICKS_PER_SECOND);
  let encoder: H264 | undefined;
  let track: Stream | undefined;
  const write = async (packets: Iterable<Packet>) => {
    for (const ready of packets) if (track) await muxer.write(ready, track, unit);
  };
  try {
    media.container.only(AVMEDIA_TYPE_VIDEO, "video");
    for await (const { time, frame } of media.framesOf({ start, end })) {
      if (!encoder) {
        encoder = new H264(frame);
        track = muxer.encoded(encoder.context, encoder.matrix);
        await begin();
      }
      await write(encoder.packetsOf(frame, Math.round((time - start) * TICKS_PER_SECOND), packet));
    }
    if (!encoder) throw damaged(media.container.reader, `has no frame to decode from ${start} to ${end} s`);
    await write(encoder.rest(packet));
  } finally {
    packet.free();
    encoder?.close();
  }
}
