// A span's sound encoded again as AAC, which every player takes in an MP4. Decoder child only.

import { Buffer } from "node:buffer";
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_SAMPLE_FMT_FLTP,
  AVMEDIA_TYPE_AUDIO,
  FF_ENCODER_AAC,
} from "node-av/constants";
import {
  avChannelLayoutDefault,
  Codec,
  CodecContext,
  FFmpegError,
  type Frame,
  Packet,
  Rational,
  type Stream,
} from "node-av/lib";
import { audioFrameOf } from "../frame/held-frame.ts";
import { reportProgress } from "../progress.ts";
import type { Span } from "../spans.ts";
import type { Container } from "./container.ts";
import { hear } from "./hearing.ts";

const SAMPLE_RATE = 48_000;
/** Unit of time in the encoder's packets. */
export const SAMPLE_UNIT = new Rational(1, SAMPLE_RATE);
/** Bits a second for each channel. */
const CHANNEL_BITRATE = 96_000;
/** Bytes of a sample. */
const SAMPLE_BYTES = 4;
const check = (code: number, doing: string) => FFmpegError.throwIfError(code, doing);

/** A span's sound as AAC: its packets, and the encoder that they come from. Close both, or native memory stays behind. */
export async function encodeSound(
  container: Container,
  stream: Stream,
  span: Span,
  origin: number,
): Promise<{ packets: Packet[]; encoder: CodecContext }> {
  const channels = Math.min(2, Math.max(1, stream.codecpar.channels));
  const count = Math.round((span.end - span.start) * SAMPLE_RATE);
  const planes = Array.from({ length: channels }, () => Buffer.alloc(count * SAMPLE_BYTES));
  container.only(AVMEDIA_TYPE_AUDIO, "audio");
  const shape = { rate: SAMPLE_RATE, channels, format: AV_SAMPLE_FMT_FLTP };
  for await (const { at, planes: heard } of hear(container, stream, span, origin, shape))
    for (const [n, plane] of planes.entries()) {
      const part = heard[n]?.subarray(
        Math.max(0, -at) * SAMPLE_BYTES,
        Math.max(0, count - at) * SAMPLE_BYTES,
      );
      if (part) plane.set(part, Math.min(Math.max(0, at), count) * SAMPLE_BYTES);
    }
  const encoder = openEncoder(channels);
  return { encoder, packets: packetsOf(encoder, planes, count) };
}

function openEncoder(channels: number): CodecContext {
  const codec = Codec.findEncoderByName(FF_ENCODER_AAC);
  const encoder = new CodecContext();
  encoder.allocContext3(codec);
  Object.assign(encoder, {
    sampleRate: SAMPLE_RATE,
    sampleFormat: AV_SAMPLE_FMT_FLTP,
    channelLayout: avChannelLayoutDefault(channels),
    bitRate: BigInt(CHANNEL_BITRATE * channels),
    timeBase: SAMPLE_UNIT,
    threadCount: 1,
  });
  encoder.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  check(encoder.open2Sync(codec), "open the sound's encoder");
  return encoder;
}

function packetsOf(encoder: CodecContext, planes: Buffer[], count: number): Packet[] {
  const packets: Packet[] = [];
  const send = (frame: Frame | null) => {
    check(encoder.sendFrameSync(frame), "encode sound");
    for (let packet = new Packet(); ; packet = new Packet()) {
      packet.alloc();
      if (encoder.receivePacketSync(packet) < 0) return packet.free();
      reportProgress();
      packets.push(packet);
    }
  };
  const step = encoder.frameSize || 1024;
  for (let at = 0; at < count; at += step) {
    const nbSamples = Math.min(step, count - at);
    const part = planes.map((plane) => plane.subarray(at * SAMPLE_BYTES, (at + nbSamples) * SAMPLE_BYTES));
    const frame = audioFrameOf(Buffer.concat(part), {
      nbSamples,
      format: AV_SAMPLE_FMT_FLTP,
      sampleRate: SAMPLE_RATE,
      channelLayout: avChannelLayoutDefault(planes.length),
      timeBase: SAMPLE_UNIT,
      pts: BigInt(at),
    });
    send(frame);
    frame.free();
  }
  send(null);
  return packets;
}
