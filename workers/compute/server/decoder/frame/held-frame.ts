// Frames made of JavaScript's own bytes. node-av gives FFmpeg their address, so what is collected is overwritten under
// the frame: pictures with noise in their first rows, or another picture's. Here the bytes live as long as the frame.
import type { Buffer } from "node:buffer";
import { Frame } from "node-av/lib";

const bytesOfFrames = new WeakMap<Frame, Buffer>();

function held(frame: Frame, bytes: Buffer): Frame {
  bytesOfFrames.set(frame, bytes);
  return frame;
}

/** A picture of these bytes, which are not to change while the frame is in use. */
export const videoFrameOf = (
  pixels: Buffer,
  properties: Parameters<typeof Frame.fromVideoBuffer>[1],
): Frame => held(Frame.fromVideoBuffer(pixels, properties), pixels);

/** Sound of these bytes, which are not to change while the frame is in use. */
export const audioFrameOf = (
  samples: Buffer,
  properties: Parameters<typeof Frame.fromAudioBuffer>[1],
): Frame => held(Frame.fromAudioBuffer(samples, properties), samples);
