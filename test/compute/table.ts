// The films and pictures of test/fixtures/media, a row each: what is right of them, whichever call is made.
// table.test.ts holds every call to it. The fixtures' own README says what each is a likeness of.

export type Call = "probe" | "split" | "frames" | "embed" | "clip" | "audio" | "speech" | "image";
export const calls: Call[] = ["probe", "split", "frames", "embed", "clip", "audio", "speech", "image"];

/** A film. Times are seconds from its first frame. */
export interface Film {
  kind: "film";
  seconds: number;
  frames: number;
  fps: number;
  size: [number, number];
  keyframes: number[];
  /** When a picture is asked for, and the time of the frame that is shown then. */
  shots: [number, number][];
  /** Spans, and the times of the frames that stand for each; unless said, some inside each second. */
  spans?: [number, number, number[]][];
  /** The part of it that is cut out, how many frames that has, and how MP4 calls its codec. */
  clip: { start: number; end: number; frames: number; tag?: string };
  /** Milliseconds at which its sound begins to beep, and by how much each may be off; none for a silent film. */
  beeps?: { at: number[]; within: number };
  /** Its pictures are the card, each colour of it to within so much of 255; shown upside down where it says so. */
  card?: number;
  upsideDown?: true;
  /** The card's five colours on a screen of standard gamut, where it was drawn in a wider one. */
  converted?: [number, number, number][];
}
/** A still picture. */
export interface Still {
  kind: "picture";
  format: string;
  size: [number, number];
  card?: number;
  /** Its main colours, where it is not the card. */
  colours?: string[];
}
/** A file of which nothing can be had, for a reason that is given; or not by the calls that are listed. */
export interface Refused {
  kind: "refused";
  why: RegExp;
  only?: Call[];
  beeps?: Film["beeps"];
}
export type Right = Film | Still | Refused;

const halves = (count: number) => Array.from({ length: count }, (_, i) => i * 500);
const seconds = (count: number) => Array.from({ length: count }, (_, i) => i);

/** 160x96 at 25 frames a second, a keyframe each second. */
const film = (length: number, more: Partial<Film> = {}): Film => ({
  kind: "film",
  seconds: length,
  frames: length * 25,
  fps: 25,
  size: [160, 96],
  keyframes: seconds(length),
  shots: [
    [0, 0],
    [1.5, 1.48],
  ],
  clip: { start: 1, end: 2, frames: 25 },
  ...more,
});
/** The card for two seconds, cut where no keyframe is. */
const card = (more: Partial<Film> = {}): Film =>
  film(2, { size: [320, 180], card: 6, clip: { start: 0.52, end: 1.52, frames: 25 }, ...more });
/** One sound, from the first frame to the last. */
const hums = { at: [0], within: 1 };
const beeping = { at: halves(8), within: 1 };
/** Two sounds, each after 5.3 ms of its encoder's silence; the second begins with its own packet, at 2016 ms. */
const afterAnother = { at: halves(8).map((at) => at + (at < 2000 ? 5.4 : 21.4)), within: 1 };

/** A file of sound that beeps as the films do. */
const heardOnly = (within = 1): Refused => ({
  kind: "refused",
  why: /of which only the sound is read, not a/,
  only: ["split", "frames", "embed", "clip", "image"],
  beeps: { ...beeping, within },
});

export const table: Record<string, Right> = {
  // Colours, sizes and how they are turned.
  // A dark channel of a strong colour is a step or two of PQ.
  "hdr10-pq.mp4": card({ keyframes: [0, 0.48, 0.96, 1.44, 1.92], card: 16 }),
  "p3-screen-recording.mp4": card({
    keyframes: [0, 0.48, 0.96, 1.44, 1.92],
    // As ffmpeg's zscale converts them.
    converted: [
      [241, 0, 0],
      [0, 204, 0],
      [21, 20, 230],
      [240, 240, 240],
      [255, 197, 0],
    ],
  }),
  "bt709.mp4": card(),
  "full-range.webm": card(),
  "turned-180.mp4": card({ upsideDown: true }),
  "sar-16-9.mp4": card(),

  // Pictures.
  "iphone-like-grid.heic": { kind: "picture", format: "heic", size: [640, 384], card: 6 },
  "grid.avif": { kind: "picture", format: "avif", size: [640, 360], card: 6 },
  "animated.webp": { kind: "picture", format: "webp", size: [320, 180] },
  "jpeg-cut.jpg": { kind: "refused", why: /is cut short|is a JPEG picture, not a video/ },
  "jpeg-in.tif": { kind: "picture", format: "tiff", size: [320, 180], card: 6 },
  "black-on-clear.png": {
    kind: "picture",
    format: "png",
    size: [320, 180],
    colours: ["#ffffff", "#000000"],
  },

  // Time and tracks.
  "tail-text.mp4": film(4, { beeps: hums }),
  "ts-concat.ts": { kind: "refused", why: /several films .* another one, whose times/ },
  "ts-first-not-key.ts": film(2),
  "ts-204.ts": film(4),
  "avi-dropped-frames.avi": film(4, {
    frames: 50,
    keyframes: [0, 0.48, 0.96, 3.44, 3.92],
    shots: [
      [1.5, 0.96],
      [3.1, 3.08],
    ],
    spans: [[1.2, 2.8, [0.96]]],
    clip: { start: 0, end: 0.96, frames: 24 },
  }),
  "avi-broken-index.avi": { kind: "refused", why: /an index that does not point to its frames/ },
  "intra-refresh.mp4": film(3, { keyframes: [0, 1, 2.04] }),
  "edits-swapped.mp4": film(2),
  "video-joins-late.mkv": film(3, { beeps: hums }),
  "two-video-tracks.mp4": film(4, { size: [320, 192] }),
  "timelapse-hourly.mp4": film(36_000, {
    frames: 10,
    fps: 0.000278,
    keyframes: seconds(10).map((hour) => hour * 3600),
    shots: [
      [0, 0],
      [5000, 3600],
    ],
    spans: [
      [100, 200, [0]],
      [5000, 6000, [3600]],
    ],
    clip: { start: 3600, end: 3720, frames: 1 },
  }),
  "screen-stands-still.webm": film(60, {
    frames: 150,
    keyframes: [0],
    shots: [
      [0, 0],
      [30, 1.96],
    ],
    spans: [
      [10, 11, [1.96]],
      [30, 40, [1.96]],
      [49, 50, [1.96]],
    ],
  }),
  "hvc1.mp4": film(3, { clip: { start: 1, end: 2, frames: 25, tag: "hvc1" } }),

  // Sound.
  "beep-aac.mp4": film(4, { beeps: beeping }),
  "beep-aac-8k.mp4": film(4, { beeps: beeping }),
  "beep-vorbis.mkv": film(4, { beeps: { at: halves(8), within: 3.5 } }),
  "sound-gap.mkv": film(4, { beeps: { at: [0, 486, 2486, 2986, 3486], within: 1 } }),
  "sound-51-then-stereo.ts": film(4, { beeps: afterAnother }),
  "sound-48k-then-44k.ts": film(4, { beeps: afterAnother }),

  // Sound alone.
  "beep.mp3": heardOnly(),
  "beep-24.wav": heardOnly(),
  "beep.flac": heardOnly(),
  "beep.opus": heardOnly(3.5),

  // Refused.
  "encrypted-cenc.mp4": { kind: "refused", why: /is encrypted/ },
  "moov-only.mp4": { kind: "refused", why: /cut short/ },
  "cover.m4a": {
    kind: "refused",
    why: /has no video track|not a picture/,
    only: ["split", "frames", "embed", "clip", "image"],
    beeps: hums,
  },
};
