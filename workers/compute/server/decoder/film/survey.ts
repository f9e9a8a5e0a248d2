// A film's frames by its packets, every one of them read and none decoded: for containers that list none, and for
// films of which the list is not the whole truth. Reading takes as long as the bytes do. Decoder child only.
import {
  AV_NOPTS_VALUE,
  AV_PKT_FLAG_DISCARD,
  AVDISCARD_ALL,
  AVDISCARD_DEFAULT,
  AVMEDIA_TYPE_AUDIO,
} from "node-av/constants";
import { Packet, type Stream } from "node-av/lib";
import type { Container } from "./container.ts";
import { type FrameTable, MAX_FRAMES } from "./keyframes.ts";

/** Frames of a film by its packets. Times are the container's own, seconds. */
export interface Survey {
  frames: number[];
  keyframes: number[];
  /** Where the last frame ends, and where the sound does; 0 without any. */
  end: number;
  soundEnd: number;
}

/**
 * Reads on from where the container stands, which must be its beginning. `frameSeconds` is what a frame lasts that
 * does not say. Undefined for a film of more frames than ten hours have.
 */
export async function surveyOf(
  container: Container,
  picture: Stream,
  frameSeconds: number,
): Promise<Survey | undefined> {
  const { context, reader } = container;
  const sound = container.best(AVMEDIA_TYPE_AUDIO);
  if (sound) sound.discard = AVDISCARD_DEFAULT;
  const survey: Survey = { frames: [], keyframes: [], end: 0, soundEnd: 0 };
  const packet = new Packet();
  packet.alloc();
  try {
    for (; (await context.readFrame(packet)) >= 0; packet.unref()) {
      const { pts, dts, streamIndex, duration } = packet;
      const stream = [picture, sound].find((each) => each?.index === streamIndex);
      const timestamp = pts === AV_NOPTS_VALUE ? dts : pts;
      // What an edit list leaves out is there to be decoded from and is not shown.
      if (!stream || timestamp === AV_NOPTS_VALUE || packet.hasFlags(AV_PKT_FLAG_DISCARD)) continue;
      const unit = stream.timeBase.toDouble();
      const time = Number(timestamp) * unit;
      const end = time + Number(duration) * unit;
      if (stream === sound) survey.soundEnd = Math.max(survey.soundEnd, end);
      else {
        if (survey.frames.length === MAX_FRAMES) return undefined;
        survey.frames.push(time);
        if (packet.isKeyframe) survey.keyframes.push(time);
        survey.end = Math.max(survey.end, duration > 0n ? end : time + frameSeconds);
      }
    }
    if (reader.failure) throw reader.failure;
    return survey;
  } finally {
    packet.free();
    if (sound) sound.discard = AVDISCARD_ALL;
  }
}

/** A survey as a table whose times count from `origin`, which nothing shown comes before. */
export function tableOf({ frames, keyframes, end }: Survey, origin: number): FrameTable {
  const shown = (times: number[]) =>
    Float64Array.from(times.filter((time) => time > origin - 1e-6).map((time) => time - origin)).sort();
  return { frames: shown(frames), keyframes: [...shown(keyframes)], end: end - origin };
}
