// The ground that a transparent picture is laid on: white, as a page is. Without one, what the encoder left
// behind where nothing shows would become part of the picture.
import type { Buffer } from "node:buffer";
import { AV_PIX_FMT_RGBA } from "node-av/constants";
import { avGetPixFmtName, type Frame } from "node-av/lib";
import { convert } from "../film/scaler.ts";

/** Brightness of the ground, in each channel: white. */
export const GROUND = 255;
/** FFmpeg's names of formats with an alpha channel, or with a palette that may have one. */
const TRANSPARENT = /^(rgba|bgra|argb|abgr|ya8|ya16|yuva|gbrap|pal8)/;

/** Lays pixels of three channels on the ground, by an alpha for each, in place. */
export function blend(rgb: Buffer, alpha: Buffer): void {
  for (let i = 0, at = 0; i < alpha.length; i++, at += 3) {
    const share = alpha[i] ?? GROUND;
    if (share === 255) continue;
    for (let channel = at; channel < at + 3; channel++)
      rgb[channel] = Math.round(((rgb[channel] ?? 0) * share + GROUND * (255 - share)) / 255);
  }
}

/** The pixels of a transparent frame on the ground, three channels, as it was stored; undefined for an opaque one. */
export function onGround(frame: Frame): Buffer | undefined {
  if (!TRANSPARENT.test(avGetPixFmtName(frame.format as Parameters<typeof avGetPixFmtName>[0]) ?? ""))
    return undefined;
  const four = convert(frame, { width: frame.width, height: frame.height, format: AV_PIX_FMT_RGBA });
  const pixels = four.toBuffer();
  four.free();
  // In place: a pixel of three bytes never lies behind the four that it comes from.
  const count = frame.width * frame.height;
  for (let i = 0; i < count; i++) {
    const share = pixels[i * 4 + 3] ?? 255;
    for (let channel = 0; channel < 3; channel++)
      pixels[i * 3 + channel] = Math.round(
        ((pixels[i * 4 + channel] ?? 0) * share + GROUND * (255 - share)) / 255,
      );
  }
  return pixels.subarray(0, count * 3);
}
