// Tone mapping: HDR (PQ, HLG) and wide gamuts (BT.2020, P3) in colours that a screen of standard range has, of sRGB's
// and BT.709's primaries. Pure arithmetic over small pictures; scaler.ts brings them.
import { Buffer } from "node:buffer";

/** Transfer function by which light became numbers. */
export type Transfer = "pq" | "hlg" | "srgb" | "video";
/** Which red, green and blue the numbers mean. */
export type Primaries = "bt2020" | "p3" | "bt709";
export interface Light {
  transfer: Transfer;
  primaries: Primaries;
}

/** Nits of a picture's white in HDR, where highlights begin (ITU-R BT.2408). In all that follows white is 1. */
const WHITE_NITS = 203;
/** Nits of HLG's brightest, and of the brightest that is kept apart in PQ. */
const PEAK_NITS = 1000;
const PEAK = PEAK_NITS / WHITE_NITS;
/** From here on HDR is compressed, up to its peak; what is darker stays as it is. */
const KNEE = 0.86;
/** Numbers are looked up by their upper 12 bits, which is what PQ needs for steps that nobody sees. */
const TABLE_STEPS = 4096;
const TABLE_SHIFT = 4;
/** Steps of light in the table that makes numbers of it: fine enough for the darkest of 255. */
const LIGHT_STEPS = 65_535;

/** To BT.709's primaries, of light: ITU-R BT.2087 (2020), and by the same arithmetic from SMPTE RP 431-2 (P3). */
const MATRIX: Record<Primaries, readonly number[]> = {
  bt2020: [1.6605, -0.5876, -0.0728, -0.1246, 1.1329, -0.0083, -0.0182, -0.1006, 1.1187],
  p3: [1.2249, -0.2247, 0, -0.042, 1.0419, 0, -0.0197, -0.0786, 1.0979],
  bt709: [1, 0, 0, 0, 1, 0, 0, 0, 1],
};

/** Light of a number from 0 to 1; 1 is white. HLG's is that of the scene, which its screen makes brighter. */
const LIGHT: Record<Transfer, (value: number) => number> = {
  // SMPTE ST 2084.
  pq: (value) => {
    const root = value ** (32 / 2523);
    const base = Math.max(0, root - 107 / 128) / (2413 / 128 - (2392 / 128) * root);
    return (base ** (8192 / 1305) * 10_000) / WHITE_NITS;
  },
  // ITU-R BT.2100, table 5.
  hlg: (value) =>
    value <= 0.5 ? value ** 2 / 3 : (Math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12,
  // IEC 61966-2-1.
  srgb: (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4),
  // ITU-R BT.1886.
  video: (value) => value ** 2.4,
};

/** The number of a light from 0 to 1: HDR becomes video. */
const numberOf = (transfer: Transfer, light: number): number =>
  transfer === "srgb" && light <= 0.0031308
    ? light * 12.92
    : transfer === "srgb"
      ? 1.055 * light ** (1 / 2.4) - 0.055
      : light ** (1 / 2.4);

/** What HLG's screen makes of a scene's luminance: its gain (ITU-R BT.2100, gamma of 1.2 for 1000 nits). */
const gain = (luminance: number) => PEAK * luminance ** 0.2;

interface Tables {
  light: Float32Array;
  gain: Float32Array | undefined;
  numbers: Uint8Array;
}
const tables = new Map<Transfer, Tables>();

function tablesOf(transfer: Transfer): Tables {
  const cached = tables.get(transfer);
  if (cached) return cached;
  const table = (of: (value: number) => number) =>
    Float32Array.from({ length: TABLE_STEPS }, (_, i) => of(i / (TABLE_STEPS - 1)));
  const built: Tables = {
    light: table(LIGHT[transfer]),
    gain: transfer === "hlg" ? table(gain) : undefined,
    numbers: Uint8Array.from({ length: LIGHT_STEPS + 1 }, (_, i) =>
      Math.round(255 * numberOf(transfer, i / LIGHT_STEPS)),
    ),
  };
  tables.set(transfer, built);
  return built;
}

/**
 * What HDR's highlights come down to, so that the peak is white: straight up to the knee, then a hyperbola that
 * goes on in the same direction (known as Mobius). `brightest` is the brightest channel, over the knee.
 */
function compressed(brightest: number): number {
  if (brightest >= PEAK) return 1;
  const a = (-KNEE * KNEE * (PEAK - 1)) / (KNEE * KNEE - 2 * KNEE + PEAK);
  const b = (KNEE * KNEE - 2 * KNEE * PEAK + PEAK) / (PEAK - 1);
  return (((b * b + 2 * b * KNEE + KNEE * KNEE) / (b - a)) * (brightest + a)) / (brightest + b);
}

/**
 * RGB of 16 bits a channel in its own light, as RGB of 8 bits of a screen of standard range. Colours that the
 * screen has not are cut off to what it has; highlights keep their hue.
 */
export function toStandard(rgb: Uint16Array, { transfer, primaries }: Light): Buffer {
  const { light, gain: gains, numbers } = tablesOf(transfer);
  const [rr = 1, rg = 0, rb = 0, gr = 0, gg = 1, gb = 0, br = 0, bg = 0, bb = 1] = MATRIX[primaries];
  const high = transfer === "pq" || transfer === "hlg";
  const out = Buffer.allocUnsafe(rgb.length);
  for (let i = 0; i + 2 < rgb.length; i += 3) {
    const r = light[(rgb[i] ?? 0) >> TABLE_SHIFT] ?? 0;
    const g = light[(rgb[i + 1] ?? 0) >> TABLE_SHIFT] ?? 0;
    const b = light[(rgb[i + 2] ?? 0) >> TABLE_SHIFT] ?? 0;
    const luminance = gains ? 0.2627 * r + 0.678 * g + 0.0593 * b : 0;
    const bright = gains ? (gains[Math.min(TABLE_STEPS - 1, (luminance * TABLE_STEPS) | 0)] ?? 0) : 1;
    const red = Math.max(0, rr * r + rg * g + rb * b) * bright;
    const green = Math.max(0, gr * r + gg * g + gb * b) * bright;
    const blue = Math.max(0, br * r + bg * g + bb * b) * bright;
    const brightest = Math.max(red, green, blue);
    const by = LIGHT_STEPS * (high && brightest > KNEE ? compressed(brightest) / brightest : 1);
    out[i] = numbers[Math.min(LIGHT_STEPS, red * by + 0.5) | 0] ?? 0;
    out[i + 1] = numbers[Math.min(LIGHT_STEPS, green * by + 0.5) | 0] ?? 0;
    out[i + 2] = numbers[Math.min(LIGHT_STEPS, blue * by + 0.5) | 0] ?? 0;
  }
  return out;
}

/** How bright each pixel is: BT.709's luma of RGB. */
export function lumaOf(rgb: Uint8Array): Buffer {
  const luma = Buffer.allocUnsafe(rgb.length / 3);
  for (let i = 0; i < luma.length; i++)
    luma[i] =
      0.2126 * (rgb[3 * i] ?? 0) + 0.7152 * (rgb[3 * i + 1] ?? 0) + 0.0722 * (rgb[3 * i + 2] ?? 0) + 0.5;
  return luma;
}
