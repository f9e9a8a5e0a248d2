// Finds a film's cuts while decoding little of it: keyframes first, and only where two of them differ the
// frames between, for the very frame at which the picture jumps. A shot that comes and goes between two
// keyframes that look alike is not seen. Runs in the decoder child only.
import { AV_PIX_FMT_RGB24 } from "node-av/constants";
import type { Frame } from "node-av/lib";
import { scaled } from "./scaler.ts";
import type { Media } from "./video.ts";

const LOOK_SIDE_PIXELS = 32;

/** A frame, small enough to be compared. */
const lookOf = (frame: Frame): Uint8Array =>
  Uint8Array.from(scaled(frame, LOOK_SIDE_PIXELS, LOOK_SIDE_PIXELS, AV_PIX_FMT_RGB24));

/** Mean difference of two pictures' channels, 0 to 1. */
export function difference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] ?? 0) - (b[i] ?? 0));
  return sum / (a.length || 1) / 255;
}

/** Times of the first frames after a cut, ascending, before `until`. */
export async function cutsOf(
  media: Media,
  keyframes: readonly number[],
  until: number,
  threshold: number,
): Promise<number[]> {
  const cuts: number[] = [];
  let before: { time: number; look: Uint8Array } | undefined;
  for (const time of keyframes) {
    if (time >= until) break;
    const keyframe = await media.keyframe(time);
    if (!keyframe) continue;
    const look = lookOf(keyframe.frame);
    // What jumps by the threshold may have crept back by the time of the next keyframe, but hardly by half.
    if (before && difference(before.look, look) > threshold / 2)
      cuts.push(...(await jumps(media, before.time, keyframe.time, threshold)));
    before = { time: keyframe.time, look };
  }
  if (before) cuts.push(...(await jumps(media, before.time, until, threshold)));
  return cuts.filter((time) => time > 0 && time < until);
}

/** Frames after `from`, up to and with `to`, that differ from the one before by more than the threshold. */
async function jumps(media: Media, from: number, to: number, threshold: number): Promise<number[]> {
  const cuts: number[] = [];
  let before: Uint8Array | undefined;
  for await (const { time, frame } of media.framesFrom(from)) {
    if (time > to + 1e-4) break;
    const look = lookOf(frame);
    if (before && time > from && difference(before, look) > threshold) cuts.push(time);
    before = look;
  }
  return cuts;
}
