// Makes sample videos and pictures for `weir demo`, tests and benchmarks, so that none of them downloads a file: drawn
// scenes (scene.ts), encoded by FFmpeg. The same for the same seed. Knows nothing of Weir.

import { Buffer } from "node:buffer";
import { writeFile } from "node:fs/promises";
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_LOG_ERROR,
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUV420P10LE,
  AV_PIX_FMT_YUV422P10LE,
  AV_PIX_FMT_YUVJ420P,
  AV_PKT_FLAG_KEY,
  AV_SAMPLE_FMT_FLTP,
  AVCOL_PRI_BT2020,
  AVCOL_SPC_BT2020_NCL,
  AVCOL_TRC_SMPTE2084,
  AVFMT_GLOBALHEADER,
  type AVPixelFormat,
  FF_ENCODER_GIF,
  FF_ENCODER_LIBWEBP,
  FF_ENCODER_MJPEG,
  FF_ENCODER_PNG,
  FF_ENCODER_TIFF,
  type FFEncoderCodec,
  SWS_BILINEAR,
} from "node-av/constants";
import {
  avChannelLayoutDefault,
  Codec,
  CodecContext,
  Dictionary,
  FFmpegError,
  FormatContext,
  Frame,
  Log,
  Packet,
  Rational,
  SoftwareScaleContext,
  type Stream,
} from "node-av/lib";
import { audioFrameOf } from "../../workers/compute/server/decoder/frame/held-frame.ts";
import { drawBands, type Sound, scenePainter, toneOf } from "./scene.ts";

const X265 = { preset: "ultrafast", "x265-params": "log-level=none" };
/** Encoders of {@link makeVideo}, by the name of the codec. */
const ENCODERS = {
  h264: { name: "libx264", format: AV_PIX_FMT_YUV420P, options: { preset: "ultrafast" } },
  hevc: { name: "libx265", format: AV_PIX_FMT_YUV420P, options: X265 },
  hevc10: { name: "libx265", format: AV_PIX_FMT_YUV420P10LE, options: X265 },
  vp9: { name: "libvpx-vp9", format: AV_PIX_FMT_YUV420P, options: { deadline: "realtime", "cpu-used": 8 } },
  av1: { name: "libsvtav1", format: AV_PIX_FMT_YUV420P, options: { preset: 12 } },
  vp8: { name: "libvpx", format: AV_PIX_FMT_YUV420P, options: { deadline: "realtime", "cpu-used": 8 } },
  mjpeg: { name: "mjpeg", format: AV_PIX_FMT_YUVJ420P, options: {} },
  mpeg4: { name: "mpeg4", format: AV_PIX_FMT_YUV420P, options: {} },
  prores: { name: "prores_ks", format: AV_PIX_FMT_YUV422P10LE, options: {} },
} as const;

export interface VideoOptions {
  seconds: number;
  width?: number;
  height?: number;
  fps?: number;
  /** Seconds from keyframe to keyframe. A scene change may bring one earlier. */
  gopSeconds?: number;
  codec?: keyof typeof ENCODERS;
  /** Distinct scenes, of equal length. Default: one for every five seconds, at least one. */
  scenes?: number;
  /** Same seed, same scenes: a second encoding of the same film. */
  seed?: number;
  /** Paints each frame, as YUV 4:2:0, in place of scenes. */
  paint?(frame: number): Frame;
  /** Which frames there are, for a film of varying rate; default all. */
  keep?(frame: number): boolean;
  /** A tone as AAC beside the picture (Opus in .webm), or a sound: its value, −1 to 1, at each second. */
  audio?: boolean | Sound;
  /** `false` leaves the picture out; only with `audio`. */
  video?: boolean;
  /** Its numbers are said to be those of HDR10; with `hevc10`. */
  hdr?: boolean;
  /** Bits per second; default by quality. */
  bitrate?: number;
  /** Muxer options, such as `{ movflags: "+faststart" }`. */
  muxer?: Record<string, string>;
}

/**
 * Draws and encodes a video; the file's extension names its container (.mp4, .mov, .mkv, .webm, .ts, .avi).
 * Sixty seconds of 640×360 take a few seconds.
 */
export async function makeVideo(path: string, options: VideoOptions): Promise<void> {
  Log.setLevel(AV_LOG_ERROR);
  const { seconds, fps = 30, audio = false, video = true, seed = 1, keep = () => true } = options;
  const out = new FormatContext();
  check(out.allocOutputContext2(null, null, path), "choose a container");
  const tracks: Track[] = [];
  if (video) tracks.push(await videoTrack(out, options));
  if (audio) tracks.push(await soundTrack(out, path, seconds, audio === true ? toneOf(seed) : audio));
  check(await out.openOutput(), "open the output");
  check(await out.writeHeader(Dictionary.fromObject(options.muxer ?? {})), "write the header");
  const packet = new Packet();
  packet.alloc();
  for (let second = 0; second < Math.ceil(seconds); second++) {
    for (const track of tracks) {
      const until = Math.min((second + 1) * track.rate, Math.round(seconds * track.rate));
      while (track.next < until) {
        if (track.step > 1 || keep(track.next)) send(track, track.draw(track.next));
        track.next += track.step;
        await drain(out, track, packet, fps);
      }
    }
  }
  for (const track of tracks) {
    check(track.encoder.sendFrameSync(null), "finish encoding");
    await drain(out, track, packet, fps);
    track.encoder.freeContext();
  }
  check(await out.writeTrailer(), "write the trailer");
  await out.closeOutput();
  out.freeContext();
  packet.free();
}

const HDR10 = {
  colorSpace: AVCOL_SPC_BT2020_NCL,
  colorPrimaries: AVCOL_PRI_BT2020,
  colorTrc: AVCOL_TRC_SMPTE2084,
};

const STILLS = {
  jpeg: FF_ENCODER_MJPEG,
  png: FF_ENCODER_PNG,
  webp: FF_ENCODER_LIBWEBP,
  gif: FF_ENCODER_GIF,
  tiff: FF_ENCODER_TIFF,
};

export interface ImageOptions {
  format?: keyof typeof STILLS;
  width?: number;
  height?: number;
  seed?: number;
  /** Plain bands of these colours (`#rrggbb`) instead of a scene. */
  bands?: string[];
}

/** Draws and encodes a still picture, and writes it where a path is given. Returns its bytes. */
export async function makeImage(options: ImageOptions = {}, path?: string): Promise<Buffer> {
  Log.setLevel(AV_LOG_ERROR);
  const { format = "jpeg", width = 640, height = 480, seed = 1, bands } = options;
  const drawn = bands ? drawBands(bands, width, height) : scenePainter(width, height, seed)(0);
  const codec = Codec.findEncoderByName(STILLS[format]);
  const encoder = new CodecContext();
  encoder.allocContext3(codec);
  const [first = AV_PIX_FMT_YUVJ420P] = codec?.pixelFormats ?? [];
  // WebP's first choice has transparency, which the drawing has not.
  const target = format === "webp" ? AV_PIX_FMT_YUV420P : first;
  Object.assign(encoder, { width, height, pixelFormat: target, timeBase: new Rational(1, 25) });
  Object.assign(encoder, { qMin: 2, qMax: 4 });
  check(await encoder.open2(codec), "open the image encoder");
  const frame = new Frame();
  frame.alloc();
  Object.assign(frame, { width, height, format: target, pts: 0n });
  check(frame.getBuffer(), "allocate the picture");
  const scaler = new SoftwareScaleContext();
  scaler.getContext(width, height, AV_PIX_FMT_YUV420P, width, height, target, SWS_BILINEAR);
  check(scaler.scaleFrameSync(frame, drawn), "convert the picture");
  frame.pts = 0n;
  const packet = new Packet();
  packet.alloc();
  check(encoder.sendFrameSync(frame), "encode");
  check(encoder.sendFrameSync(null), "encode");
  check(encoder.receivePacketSync(packet), "encode");
  const bytes = Buffer.from(packet.data ?? []);
  for (const resource of [frame, drawn, packet]) resource.free();
  scaler.freeContext();
  encoder.freeContext();
  if (path !== undefined) await writeFile(path, bytes);
  return bytes;
}

interface Track {
  stream: Stream;
  encoder: CodecContext;
  /** Units of `draw`'s argument in a second, and how many one frame takes. */
  rate: number;
  step: number;
  next: number;
  draw(position: number): Frame;
}

async function videoTrack(out: FormatContext, options: VideoOptions): Promise<Track> {
  const { seconds, width = 640, height = 360, fps = 30, gopSeconds = 2, seed = 1 } = options;
  const scenes = Math.max(1, options.scenes ?? Math.round(seconds / 5));
  const { name, format, options: own } = ENCODERS[options.codec ?? "h264"];
  const gopSize = Math.max(1, Math.round(gopSeconds * fps));
  // x264 and x265 take a rate of zero as "by quality"; the others have a default rate of their own.
  const byQuality = name.startsWith("libx26") ? { bitRate: 0n } : {};
  const bitrate = options.bitrate === undefined ? byQuality : { bitRate: BigInt(options.bitrate) };
  const settings = {
    width,
    height,
    gopSize,
    pixelFormat: format,
    framerate: new Rational(fps, 1),
    ...bitrate,
    ...(options.hdr ? HDR10 : {}),
  };
  const track = await open(out, name, { ...settings, timeBase: new Rational(1, fps) }, own);
  const framesPerScene = Math.ceil((seconds * fps) / scenes);
  let scene = -1;
  let paint: (frame: number) => Frame = () => new Frame();
  const draw = (position: number) => {
    const next = Math.floor(position / framesPerScene);
    if (next !== scene) paint = options.paint ?? scenePainter(width, height, seed * 1000 + next);
    scene = next;
    const drawn = paint(position);
    if (format === AV_PIX_FMT_YUV420P) return drawn;
    return convert(drawn, width, height, format);
  };
  return { ...track, rate: fps, step: 1, next: 0, draw };
}

async function soundTrack(out: FormatContext, path: string, seconds: number, sound: Sound): Promise<Track> {
  const rate = 48_000;
  const channelLayout = avChannelLayoutDefault(1);
  const settings = { sampleRate: rate, sampleFormat: AV_SAMPLE_FMT_FLTP, channelLayout, bitRate: 64_000n };
  const timeBase = new Rational(1, rate);
  const track = await open(out, path.endsWith(".webm") ? "libopus" : "aac", { ...settings, timeBase }, {});
  const step = track.encoder.frameSize || 1024;
  const draw = (position: number) => {
    const samples = new Float32Array(step);
    for (let i = 0; i < step && position + i < seconds * rate; i++) {
      samples[i] = sound((position + i) / rate);
    }
    const props = { nbSamples: step, format: AV_SAMPLE_FMT_FLTP, sampleRate: rate, channelLayout, timeBase };
    return audioFrameOf(Buffer.from(samples.buffer), { ...props, pts: BigInt(position) });
  };
  return { ...track, rate, step, next: 0, draw };
}

async function open(
  out: FormatContext,
  name: string,
  settings: object,
  options: Record<string, string | number>,
) {
  const codec = Codec.findEncoderByName(name as FFEncoderCodec);
  if (codec === null) throw new Error(`this FFmpeg has no encoder ${name}`);
  const encoder = new CodecContext();
  encoder.allocContext3(codec);
  Object.assign(encoder, settings);
  if (out.oformat?.hasFlags(AVFMT_GLOBALHEADER)) encoder.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  // Set one by one: a Dictionary handed to `open2` is freed twice by node-av 6.1.1.
  for (const [option, value] of Object.entries(options)) {
    check(encoder.setOption(option, value), `set ${option} of ${name}`);
  }
  check(await encoder.open2(codec), `open ${name}`);
  const stream = out.newStream(null);
  stream.timeBase = encoder.timeBase;
  stream.avgFrameRate = encoder.framerate;
  check(stream.codecpar.fromContext(encoder), "describe the stream");
  return { stream, encoder };
}

function send(track: Track, frame: Frame): void {
  check(track.encoder.sendFrameSync(frame), "encode a frame");
  frame.free();
}

async function drain(out: FormatContext, track: Track, packet: Packet, fps: number): Promise<void> {
  while (track.encoder.receivePacketSync(packet) >= 0) {
    packet.streamIndex = track.stream.index;
    if (packet.duration === 0n && track.step === 1) packet.duration = 1n;
    packet.rescaleTs(track.step === 1 ? new Rational(1, fps) : track.encoder.timeBase, track.stream.timeBase);
    if (track.step !== 1) packet.setFlags(AV_PKT_FLAG_KEY);
    check(await out.interleavedWriteFrame(packet), "write a packet");
    packet.unref();
  }
}

function convert(from: Frame, width: number, height: number, format: AVPixelFormat): Frame {
  const to = new Frame();
  to.alloc();
  Object.assign(to, { width, height, format });
  check(to.getBuffer(), "allocate a picture");
  const scaler = new SoftwareScaleContext();
  scaler.getContext(width, height, AV_PIX_FMT_YUV420P, width, height, format, SWS_BILINEAR);
  check(scaler.scaleFrameSync(to, from), "convert a picture");
  to.pts = from.pts;
  scaler.freeContext();
  from.free();
  return to;
}

const check = (code: number, doing: string) => FFmpegError.throwIfError(code, doing);
