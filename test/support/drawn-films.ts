// Films that are drawn, with a caption for each of their moments: a thing in a colour, a shape or a written word, which
// moves and grows a little while it is shown. Pure; the same for the same seed.
import { Buffer } from "node:buffer";
import { AV_PIX_FMT_YUV420P } from "node-av/constants";
import type { Frame } from "node-av/lib";
import { videoFrameOf } from "../../workers/compute/server/decoder/frame/held-frame.ts";

export const WIDTH = 128;
export const HEIGHT = 96;
export const FPS = 10;
/** Time for which one thing is shown, s. */
export const MOMENT_SECONDS = 2;

type Colour = [red: number, green: number, blue: number];
export const COLOURS: Record<string, Colour> = {
  red: [220, 40, 40],
  green: [40, 190, 60],
  blue: [50, 70, 230],
  yellow: [235, 215, 50],
  purple: [160, 50, 190],
  white: [245, 245, 245],
};

/** Whether a point, −1 to 1 from the middle of a thing, is of it. */
type Outline = (x: number, y: number) => boolean;
/** Letters of 3 × 5, row by row. */
const LETTERS: Record<string, string> = {
  g: "111100101101111",
  o: "111101101101111",
  n: "111101101101101",
  u: "101101101101111",
  p: "111101111100100",
};
const written =
  (word: string): Outline =>
  (x, y) => {
    const [column, row] = [Math.floor(((x + 1) / 2) * 7), Math.floor(((y + 1) / 2) * 5)];
    const letter = LETTERS[word[column < 4 ? 0 : 1] ?? ""] ?? "";
    return column !== 3 && letter[row * 3 + (column % 4)] === "1";
  };
const THINGS: Record<string, Outline> = {
  circle: (x, y) => x * x + y * y < 1,
  square: (x, y) => Math.abs(x) < 0.85 && Math.abs(y) < 0.85,
  triangle: (x, y) => Math.abs(x) < (y + 1) / 2,
  cross: (x, y) => Math.abs(x) < 0.28 || Math.abs(y) < 0.28,
  ring: (x, y) => x * x + y * y < 1 && x * x + y * y > 0.4,
  stripes: (_, y) => Math.floor((y + 1) * 3) % 2 === 0,
  go: written("go"),
  up: written("up"),
};
const WRITTEN = ["go", "up"];
export const NAMES = Object.keys(THINGS);

export interface Moment {
  colour: string;
  thing: string;
}

export const captionOf = ({ colour, thing }: Moment): string =>
  WRITTEN.includes(thing) ? `the word ${thing.toUpperCase()} in ${colour}` : `a ${colour} ${thing}`;

/** Where a thing is, how large it is, and how bright what is behind it. */
export interface Pose {
  x: number;
  y: number;
  size: number;
  ground: number;
}

/** Draws a moment as RGB. */
export function drawMoment({ colour, thing }: Moment, { x, y, size, ground }: Pose): Uint8Array {
  const rgb = new Uint8Array(WIDTH * HEIGHT * 3).fill(ground);
  const isOf = THINGS[thing] as Outline;
  const paint = COLOURS[colour] as Colour;
  for (let row = 0; row < HEIGHT; row++) {
    for (let column = 0; column < WIDTH; column++) {
      const [dx, dy] = [(column - x) / size, (row - y) / size];
      if (Math.abs(dx) < 1 && Math.abs(dy) < 1 && isOf(dx, dy)) rgb.set(paint, (row * WIDTH + column) * 3);
    }
  }
  return rgb;
}

/** A pose at random, by numbers of 0 to 1. */
export const poseOf = (random: () => number): Pose => ({
  x: WIDTH / 2 + (random() - 0.5) * 20,
  y: HEIGHT / 2 + (random() - 0.5) * 14,
  size: 30 + random() * 8,
  ground: 60 + Math.floor(random() * 50),
});

/** Paints the frames of a film of moments, each of which wanders between two poses. */
export function filmPainter(moments: readonly Moment[], random: () => number): (frame: number) => Frame {
  const paths = moments.map(() => [poseOf(random), poseOf(random)] as const);
  const frames = MOMENT_SECONDS * FPS;
  return (frame) => {
    const at = Math.min(moments.length - 1, Math.floor(frame / frames));
    const [from, to] = paths[at] as readonly [Pose, Pose];
    const part = (frame % frames) / frames;
    const between = (name: keyof Pose) => from[name] + (to[name] - from[name]) * part;
    const pose = { x: between("x"), y: between("y"), size: between("size"), ground: from.ground };
    return frameOf(drawMoment(moments[at] as Moment, pose), frame);
  };
}

/** RGB as a frame of BT.601 in limited range. */
function frameOf(rgb: Uint8Array, index: number): Frame {
  const [pixels, half] = [WIDTH * HEIGHT, WIDTH / 2];
  const picture = Buffer.alloc(pixels * 1.5);
  for (let i = 0; i < pixels; i++) {
    const [r, g, b] = [rgb[i * 3] ?? 0, rgb[i * 3 + 1] ?? 0, rgb[i * 3 + 2] ?? 0];
    picture[i] = 16 + (65.738 * r + 129.057 * g + 25.064 * b) / 256;
    const [column, row] = [i % WIDTH, Math.floor(i / WIDTH)];
    if (column % 2 === 1 || row % 2 === 1) continue;
    const at = pixels + (row / 2) * half + column / 2;
    picture[at] = 128 + (-37.945 * r - 74.494 * g + 112.439 * b) / 256;
    picture[at + pixels / 4] = 128 + (112.439 * r - 94.154 * g - 18.285 * b) / 256;
  }
  return videoFrameOf(picture, {
    width: WIDTH,
    height: HEIGHT,
    format: AV_PIX_FMT_YUV420P,
    pts: BigInt(index),
  });
}

/** Numbers of 0 to 1 by a seed (Park and Miller's). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
