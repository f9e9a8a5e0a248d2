// Description of a video stream by its header, corrected where that is not plausible. Reads nothing; video.ts and
// tasks/probe.ts call it.
import { AV_PKT_DATA_DISPLAYMATRIX } from "node-av/constants";
import { avGetCodecName, type FormatContext, type Rational, type Stream } from "node-av/lib";
import { durationOf } from "./container.ts";
import { squared } from "./scaler.ts";
import { degreesOf, isSideways, turnOf } from "./turn.ts";

/** Properties of a film's picture. Times are seconds. */
export interface MediaInfo {
  duration: number;
  fps: number;
  /** As it is shown, of square pixels and after any turn. */
  width: number;
  height: number;
  /** Degrees clockwise by which stored frames are turned to be shown. */
  rotation: number;
  codec: string;
  /** As the container counts them, else by rate and duration. */
  frames: number;
}

/** The sides of a pixel as shown, where the container says so. */
export function pixelOf({ sampleAspectRatio: ratio }: Stream): Rational | undefined {
  return ratio.num > 0 && ratio.den > 0 ? ratio : undefined;
}

/** Describes a video stream by its header, corrected where that is not plausible. */
export function describe(context: FormatContext, stream: Stream): MediaInfo {
  const { codecpar, avgFrameRate, rFrameRate } = stream;
  const duration = durationOf(context, stream);
  const turn = turnOf(codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX));
  const across = squared(codecpar.width, pixelOf(stream) ?? codecpar.sampleAspectRatio);
  const [width, height] = isSideways(turn) ? [codecpar.height, across] : [across, codecpar.height];
  const rate = [avgFrameRate, rFrameRate].find((r) => r.num > 0 && r.den > 0)?.toDouble() ?? 0;
  const fps = rate > 0 && rate < 1000 ? rate : 25;
  const counted = Number(stream.nbFrames);
  const plausible = counted > 0 && duration > 0 && Math.abs(counted / duration / fps - 1) < 0.5;
  return {
    duration,
    // To a thousandth; a film of a frame an hour has its first three digits.
    fps: fps >= 1 ? Math.round(fps * 1000) / 1000 : Number(fps.toPrecision(3)),
    width,
    height,
    rotation: degreesOf(turn),
    codec: avGetCodecName(codecpar.codecId) ?? "unknown",
    frames: plausible ? counted : Math.max(1, Math.round(duration * fps)),
  };
}
