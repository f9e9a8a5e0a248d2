// Draws the pictures of sample media as YUV planes, moving scenes and plain bands of colour, and their tones. The same for
// the same seed. media.ts encodes them; this file knows no encoder.

import { Buffer } from "node:buffer";
import { AV_PIX_FMT_YUV420P } from "node-av/constants";
import type { Frame } from "node-av/lib";
import { videoFrameOf } from "../../workers/compute/server/decoder/frame/held-frame.ts";

/**
 * Makes the painter of a scene: a background with its own structure (direction, spacing, shape) that scrolls frame by
 * frame, a bright disc that wanders, and film grain, without which the frames between keyframes would cost an encoder
 * next to nothing. Luma is drawn once and copied, which keeps this fast.
 */
export function scenePainter(width: number, height: number, seed: number): (frame: number) => Frame {
  const random = mulberry(seed);
  // Lengths are for 360 lines and grow with the picture: at another size it is still the same film.
  const unit = height / 360;
  const [angle, shape] = [random() * Math.PI, Math.floor(random() * 4)];
  const spacing = (24 + random() * 60) * unit;
  const [u, v, speed] = [48 + random() * 160, 48 + random() * 160, (1 + random() * 2) * unit];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [centreX, centreY] = [width * random(), height * random()];
  const background = Buffer.alloc(width * height);
  const grain = Int8Array.from({ length: 1 << 16 }, () => (random() + random() + random() - 1.5) * 6);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const along = (x * cos + y * sin) / spacing;
      const across = (y * cos - x * sin) / spacing;
      const far = Math.hypot(x - centreX, y - centreY) / spacing;
      const wave = [
        Math.sin(along * 2 * Math.PI),
        Math.sin(along * 4) * Math.sin(across * 4) > 0 ? 1 : -1,
        Math.sin(far * 2 * Math.PI),
        ((along % 1) + 1) % 1 > 0.7 || ((across % 1) + 1) % 1 > 0.8 ? 1 : -0.6,
      ][shape];
      background[y * width + x] = 126 + 80 * (wave ?? 0) * (0.6 + (0.4 * y) / height);
    }
  }
  const chroma = (width >> 1) * (height >> 1);
  return (frame) => {
    const picture = Buffer.alloc(width * height + 2 * chroma);
    const shift = Math.round(frame * speed) % width;
    for (let y = 0; y < height; y++) {
      const row = y * width;
      background.copy(picture, row, row + shift, row + width);
      background.copy(picture, row + width - shift, row, row + shift);
    }
    const offset = Math.floor(random() * grain.length);
    for (let i = 0; i < width * height; i++) {
      picture[i] = (picture[i] ?? 0) + (grain[(i + offset) & (grain.length - 1)] ?? 0);
    }
    const radius = height / 10;
    const discX = Math.floor(width * (0.5 + 0.35 * Math.sin(frame / 20 + seed)));
    const discY = Math.floor(height * (0.5 + 0.35 * Math.cos(frame / 27 + seed)));
    for (let dy = -Math.floor(radius); dy < radius; dy++) {
      const half = Math.floor(Math.sqrt(Math.max(0, radius * radius - dy * dy)));
      const row = (discY + dy) * width;
      picture.fill(235, row + Math.max(0, discX - half), row + Math.min(width, discX + half));
    }
    picture.fill(u, width * height, width * height + chroma);
    picture.fill(v, width * height + chroma);
    return pictureFrame(picture, width, height, frame);
  };
}

/** Draws vertical bands of plain colours, in BT.601 of limited range. */
export function drawBands(bands: string[], width: number, height: number): Frame {
  const [half, chroma] = [width >> 1, (width >> 1) * (height >> 1)];
  const picture = Buffer.alloc(width * height + 2 * chroma);
  for (let x = 0; x < width; x++) {
    const colour = Number.parseInt((bands[Math.floor((x * bands.length) / width)] ?? "#000000").slice(1), 16);
    const [r, g, b] = [colour >> 16, (colour >> 8) & 255, colour & 255];
    const luma = 16 + (65.738 * r + 129.057 * g + 25.064 * b) / 256;
    for (let y = 0; y < height; y++) picture[y * width + x] = Math.round(luma);
    if (x % 2 === 1) continue;
    const blue = 128 + (-37.945 * r - 74.494 * g + 112.439 * b) / 256;
    const red = 128 + (112.439 * r - 94.154 * g - 18.285 * b) / 256;
    for (let y = 0; y < height >> 1; y++) {
      picture[width * height + y * half + (x >> 1)] = Math.round(blue);
      picture[width * height + chroma + y * half + (x >> 1)] = Math.round(red);
    }
  }
  return pictureFrame(picture, width, height, 0);
}

const pictureFrame = (picture: Buffer, width: number, height: number, index: number): Frame =>
  videoFrameOf(picture, { width, height, format: AV_PIX_FMT_YUV420P, pts: BigInt(index) });

/** Mulberry32: a small seeded generator, so that a seed names a film. */
function mulberry(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A sound: its value, −1 to 1, at each second. */
export type Sound = (second: number) => number;

/** A quiet tone, of a pitch by the seed. */
export function toneOf(seed: number): Sound {
  const pitch = 220 + 20 * (seed % 20);
  return (second) => 0.2 * Math.sin(second * 2 * Math.PI * pitch);
}
