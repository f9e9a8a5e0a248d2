// A span's sound as speech models take it: WAV, 16 kHz, one channel, 16 bits. Decoder child only.
import { Buffer } from "node:buffer";
import {
  AV_SAMPLE_FMT_S16,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  type AVSampleFormat,
  AVSEEK_FLAG_BACKWARD,
} from "node-av/constants";
import {
  avChannelLayoutDefault,
  Codec,
  CodecContext,
  Frame,
  Packet,
  SoftwareResampleContext,
} from "node-av/lib";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import { damaged, type RangeReader } from "../file/reader.ts";
import type { VideoFormat } from "../file/sniff.ts";
import { Container, originOf } from "../film/container.ts";
import type { Span } from "../spans.ts";

const RATE = 16_000;
/** Seconds: 58 MB. */
const LONGEST = 1800;
/** Decoding starts a little early: codecs need some packets until they sound right. */
const RUN_UP = 0.2;

/** The sound from `start` to `end`, silence where the track has none, as a WAV file. */
export async function sound(reader: RangeReader, format: VideoFormat, { start, end }: Span): Promise<Buffer> {
  if (end - start > LONGEST) {
    const detail = `${Math.round(end - start)} s of sound are asked for; ${LONGEST} s are the most`;
    throw new FailureError(fail("too_large", detail, { where: reader.name }).failure);
  }
  const container = await Container.open(reader, format.demuxer);
  const decoder = new CodecContext();
  const resampler = new SoftwareResampleContext();
  const [packet, frame] = [new Packet(), new Frame()];
  try {
    const { context } = container;
    const picture = context.streams[context.findBestStream(AVMEDIA_TYPE_VIDEO)];
    const stream = container.only(AVMEDIA_TYPE_AUDIO, "audio");
    const codec = Codec.findDecoder(stream.codecpar.codecId);
    decoder.allocContext3(codec);
    decoder.parametersToContext(stream.codecpar);
    if (codec === null || decoder.open2Sync(codec) < 0)
      throw damaged(reader, "has sound that nothing here decodes");
    packet.alloc();
    frame.alloc();
    const unit = stream.timeBase.toDouble();
    // A film's times are those of its picture, which its sound may begin before or after.
    const origin = originOf(picture ?? stream);
    const samples = new Int16Array(Math.round((end - start) * RATE));
    const from = BigInt(Math.floor((Math.max(0, start - RUN_UP) + origin) / unit));
    await container.context.seekFrame(stream.index, from, AVSEEK_FLAG_BACKWARD);
    let next: number | undefined;
    let ready = false;
    const hear = () => {
      for (;;) {
        const got = decoder.receiveFrameSync(frame);
        if (got === AVERROR_EAGAIN || got === AVERROR_EOF) return;
        if (got < 0) continue;
        if (!ready) ready = configure(resampler, frame);
        next ??= Math.round((Number(frame.pts) * unit - origin - start) * RATE);
        const piece = resampled(resampler, frame);
        for (const [i, value] of piece.entries()) {
          if (next + i >= 0 && next + i < samples.length) samples[next + i] = value;
        }
        next += piece.length;
      }
    };
    while ((next ?? 0) < samples.length && (await container.context.readFrame(packet)) >= 0) {
      if (packet.streamIndex === stream.index) {
        decoder.sendPacketSync(packet);
        hear();
      }
      packet.unref();
    }
    if (reader.failure) throw reader.failure;
    decoder.sendPacketSync(null);
    hear();
    return wav(samples);
  } finally {
    packet.free();
    frame.free();
    resampler.free();
    decoder.freeContext();
    await container.close();
  }
}

function configure(resampler: SoftwareResampleContext, frame: Frame): true {
  const mono = avChannelLayoutDefault(1);
  const from = frame.format as AVSampleFormat;
  resampler.allocSetOpts2(mono, AV_SAMPLE_FMT_S16, RATE, frame.channelLayout, from, frame.sampleRate);
  if (resampler.init() < 0) throw new Error("the resampler cannot be set up");
  return true;
}

function resampled(resampler: SoftwareResampleContext, frame: Frame): Int16Array {
  const most = resampler.getOutSamples(frame.nbSamples);
  const out = Buffer.alloc(most * 2);
  const count = resampler.convertSync([out], most, frame.extendedData ?? [], frame.nbSamples);
  if (count < 0) throw new Error("the resampler failed");
  return new Int16Array(out.buffer, out.byteOffset, count);
}

/** RIFF/WAVE with the 44-byte header that everything reads. */
function wav(samples: Int16Array): Buffer {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(36 + samples.byteLength, 4);
  head.write("WAVEfmt ", 8, "latin1");
  for (const [at, value] of [
    [16, 16],
    [24, RATE],
    [28, RATE * 2],
    [40, samples.byteLength],
  ] as const)
    head.writeUInt32LE(value, at);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    head.writeUInt16LE(value, at);
  head.write("data", 36, "latin1");
  return Buffer.concat([head, Buffer.from(samples.buffer)]);
}
