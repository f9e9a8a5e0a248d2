// The same film as others might have it: decoded, changed by FFmpeg's filters, and encoded again.
import { Decoder, Demuxer, Encoder, FilterAPI, Muxer, pipeline } from "node-av/api";
import { FF_ENCODER_LIBX264 } from "node-av/constants";

export interface Distortion {
  /** FFmpeg's filters, with commas. */
  filters?: string;
  /** x264's: 18 looks as the original, 51 is the worst. */
  crf?: number;
}

/** Writes a distorted copy of the film's picture as H.264 in MP4, with a keyframe every `gop` frames. */
export async function distort(from: string, to: string, gop: number, how: Distortion): Promise<void> {
  await using input = await Demuxer.open(from);
  const track = input.video();
  if (!track) throw new Error(`${from} has no picture`);
  using decoder = await Decoder.create(track);
  using filter = FilterAPI.create([how.filters, "format=yuv420p"].filter(Boolean).join());
  const options = { preset: "ultrafast", crf: how.crf ?? 23 } as const;
  using encoder = await Encoder.create(FF_ENCODER_LIBX264, { options, gopSize: gop, maxBFrames: 0 });
  await using output = await Muxer.open(to);
  await pipeline(input, decoder, filter, encoder, output).completion;
}
