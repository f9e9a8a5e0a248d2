// The packets of a span, as they are in the film, with times of their own: what a clip copies. Says where they
// cannot stand by themselves. Decoder child only.
import {
  AV_NOPTS_VALUE,
  AV_PKT_FLAG_DISCARD,
  AVDISCARD_ALL,
  AVDISCARD_DEFAULT,
  AVSEEK_FLAG_BACKWARD,
} from "node-av/constants";
import {
  avGetCodecName,
  BitStreamFilter,
  BitStreamFilterContext,
  type CodecParameters,
  FFmpegError,
  Packet,
  type Stream,
} from "node-av/lib";
import type { Span } from "../spans.ts";
import { Decoder } from "./codec.ts";
import type { Container } from "./container.ts";
import type { Media } from "./video.ts";

/** Seconds by which a container may round a time. */
const ROUNDING_SECONDS = 1e-3;
/** MPEG-TS is sought by the time of decoding, which a keyframe's is before it is shown. */
const SEEK_LEAD_SECONDS = 1;
/** Seconds before a span among which the packets are that its sound needs, and what Opus needs of them (RFC 7845, 4.6). */
const SOUND_LEAD_SECONDS = 0.5;
const OPUS_LEAD_SECONDS = 0.08;
/** Packets after the end among which one could be that is shown before it: more than any codec holds back. */
const MAX_REORDERED_PACKETS = 32;
/**
 * The packets of the span's pictures, if they can stand by themselves: a keyframe is shown just where the span
 * starts, and nothing in it is decoded from what is shown after its end. Their times begin anew.
 */
export async function picturesOf(
  { container, stream, origin }: Media,
  span: Span,
): Promise<Packet[] | undefined> {
  const packets: Packet[] = [];
  const unit = stream.timeBase.toDouble();
  let past = 0;
  let stands = true;
  const lead = container.demuxer === "mpegts" ? SEEK_LEAD_SECONDS : 0;
  for await (const packet of packetsFrom(container, stream, span.start + origin - lead)) {
    const time = Number(packet.pts) * unit - origin;
    // AVI: when a frame is shown is not known without decoding it.
    if (packet.pts === AV_NOPTS_VALUE) stands = false;
    else if (packets.length === 0) {
      // Until the keyframe there; what comes before it belongs to another.
      if (packet.isKeyframe && time > span.start + ROUNDING_SECONDS) stands = false;
      else if (packet.isKeyframe && time > span.start - ROUNDING_SECONDS) {
        packets.push(copyOf(packet));
        stands = isWhole(packet, stream, container.reader.name);
      }
    } else if (time > span.end - ROUNDING_SECONDS) past += 1;
    else if (past > 0 || packet.hasFlags(AV_PKT_FLAG_DISCARD)) stands = false;
    else if (time > span.start - ROUNDING_SECONDS) packets.push(copyOf(packet));
    if (!stands || past > MAX_REORDERED_PACKETS) break;
  }
  if (stands && packets.length > 0) return fromZero(packets, stream, span.start + origin);
  for (const packet of packets) packet.free();
  return undefined;
}

/** Whether what is called a keyframe shows anything by itself. */
function isWhole(packet: Packet, stream: Stream, name: string): boolean {
  const decoder = Decoder.of(stream.codecpar, name);
  const whole = decoder.single(packet) !== undefined;
  decoder.close();
  return whole;
}

/**
 * The packets of the span's sound, their times counted from its start, and those before it that its decoder needs to
 * sound right from there on: their times are below zero, which an MP4 leaves out by its edit list.
 */
export async function soundOf(
  container: Container,
  audio: Stream,
  span: Span,
  origin: number,
): Promise<Packet[]> {
  const packets: Packet[] = [];
  const unit = audio.timeBase.toDouble();
  const start = span.start + origin;
  const keepFrom = start - (avGetCodecName(audio.codecpar.codecId) === "opus" ? OPUS_LEAD_SECONDS : 0);
  const early: Packet[] = [];
  for await (const packet of packetsFrom(container, audio, start - SOUND_LEAD_SECONDS)) {
    const time = Number(packet.pts === AV_NOPTS_VALUE ? packet.dts : packet.pts) * unit;
    if (time > span.end + origin - ROUNDING_SECONDS) break;
    if (time > keepFrom - ROUNDING_SECONDS) packets.push(copyOf(packet));
    else early.push(copyOf(packet));
  }
  // The one that the span starts in, and the one before.
  for (const packet of early.slice(0, -2)) packet.free();
  return withoutAdts(fromZero([...early.slice(-2), ...packets], audio, start), audio);
}

/** A track's packets from the entry point before a time of the container's on. Each is the next one's soon. */
async function* packetsFrom(container: Container, stream: Stream, time: number): AsyncGenerator<Packet> {
  const { context, reader } = container;
  const packet = new Packet();
  packet.alloc();
  try {
    const at = BigInt(Math.floor(time / stream.timeBase.toDouble() + 0.5));
    for (const other of context.streams)
      other.discard = other.index === stream.index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    await context.seekFrame(stream.index, at, AVSEEK_FLAG_BACKWARD);
    while ((await context.readFrame(packet)) >= 0) {
      if (packet.streamIndex === stream.index) yield packet;
      packet.unref();
    }
    if (reader.failure) throw reader.failure;
  } finally {
    packet.free();
  }
}

/** MPEG-TS puts a header of its own before each packet of AAC, which MP4 has once, at its start. */
function withoutAdts(packets: Packet[], audio: Stream): Packet[] {
  const filter = BitStreamFilter.getByName("aac_adtstoasc");
  if (avGetCodecName(audio.codecpar.codecId) !== "aac" || audio.codecpar.extradataSize > 0 || filter === null)
    return packets;
  const stripper = new BitStreamFilterContext();
  try {
    stripper.alloc(filter);
    audio.codecpar.copy(stripper.inputCodecParameters as CodecParameters);
    stripper.inputTimeBase = audio.timeBase;
    FFmpegError.throwIfError(stripper.init(), "read the sound's headers");
    for (const packet of packets) {
      FFmpegError.throwIfError(stripper.sendPacketSync(packet), "read a header");
      FFmpegError.throwIfError(stripper.receivePacketSync(packet), "strip a header");
    }
    return packets;
  } finally {
    stripper.free();
  }
}

function copyOf(packet: Packet): Packet {
  const copy = packet.clone();
  if (copy === null) throw new Error("no memory for a packet");
  return copy;
}

/**
 * Counts the packets' times from `start`, in the container's seconds, and says when each is decoded,
 * which not every container does: in the order of being shown, early enough for all.
 */
function fromZero(packets: Packet[], stream: Stream, start: number): Packet[] {
  const shift = BigInt(Math.round(start / stream.timeBase.toDouble()));
  const shown = packets.map(({ pts, dts }) => (pts === AV_NOPTS_VALUE ? dts : pts) - shift);
  const ordered = shown.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const early = ordered.reduce((most, at, i) => {
    const late = at - (shown[i] ?? at);
    return late > most ? late : most;
  }, 0n);
  for (const [i, packet] of packets.entries())
    Object.assign(packet, { pts: shown[i], dts: (ordered[i] ?? 0n) - early });
  return packets;
}
