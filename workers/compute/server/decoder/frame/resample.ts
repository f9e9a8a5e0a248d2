// Scaling as Pillow does it, which is what models of pictures were trained with: a filter as wide as the picture shrinks,
// cut and weighed anew at the edges, columns first and rounded to bytes, then rows. FFmpeg's scaler has another bicubic.
// Pure arithmetic over RGB bytes. https://pillow.readthedocs.io/en/stable/handbook/concepts.html#filters

type Filter = "bicubic" | "bilinear" | "area";

export interface Size {
  width: number;
  height: number;
}

/** Part of the scaled picture that is kept. */
interface Window extends Size {
  left: number;
  top: number;
}

const SUPPORT = { bicubic: 2, bilinear: 1, area: 0.5 } as const;
/** Weights are whole numbers of this many bits behind the point. */
const BITS = 22;
const HALF = 2 ** (BITS - 1);

/** A window of an RGB picture of `from` brought to the size `to`, rows without padding. */
export function resampled(rgb: Uint8Array, from: Size, to: Size, filter: Filter, window: Window): Buffer {
  const rows = weightsOf(from.height, to.height, filter, window.top, window.height);
  const columns = weightsOf(from.width, to.width, filter, window.left, window.width);
  const first = rows.starts[0] ?? 0;
  const last = (rows.starts.at(-1) ?? 0) + (rows.counts.at(-1) ?? 0);
  const narrow = squeezed(rgb.subarray(first * from.width * 3, last * from.width * 3), from.width, columns);
  const out = Buffer.allocUnsafe(window.width * window.height * 3);
  const length = window.width * 3;
  const sums = new Float64Array(length);
  for (let y = 0; y < window.height; y++) {
    sums.fill(HALF);
    const start = (rows.starts[y] ?? 0) - first;
    for (let tap = 0; tap < (rows.counts[y] ?? 0); tap++) {
      const weight = rows.weights[y * rows.most + tap] ?? 0;
      const at = (start + tap) * length;
      for (let i = 0; i < length; i++) sums[i] = (sums[i] ?? 0) + weight * (narrow[at + i] ?? 0);
    }
    for (let i = 0; i < length; i++) out[y * length + i] = byteOf(sums[i] ?? 0);
  }
  return out;
}

/** Rows of a picture, each brought to fewer or more columns. */
function squeezed(rgb: Uint8Array, width: number, { starts, counts, weights, most }: Weights): Uint8Array {
  const height = rgb.length / 3 / width;
  const out = new Uint8Array(height * starts.length * 3);
  for (let y = 0; y < height; y++) {
    const row = y * width * 3;
    for (let x = 0; x < starts.length; x++) {
      let [r, g, b] = [HALF, HALF, HALF];
      let at = row + (starts[x] ?? 0) * 3;
      const end = x * most + (counts[x] ?? 0);
      for (let tap = x * most; tap < end; tap++, at += 3) {
        const weight = weights[tap] ?? 0;
        r += weight * (rgb[at] ?? 0);
        g += weight * (rgb[at + 1] ?? 0);
        b += weight * (rgb[at + 2] ?? 0);
      }
      const to = (y * starts.length + x) * 3;
      out[to] = byteOf(r);
      out[to + 1] = byteOf(g);
      out[to + 2] = byteOf(b);
    }
  }
  return out;
}

const byteOf = (sum: number): number => Math.max(0, Math.min(255, sum >> BITS));

/** Which places of a line each place of the scaled one is made of, and by which shares. */
interface Weights {
  starts: Int32Array;
  counts: Int32Array;
  /** `most` for each place. */
  weights: Int32Array;
  most: number;
}

function weightsOf(from: number, to: number, filter: Filter, first: number, count: number): Weights {
  const scale = from / to;
  const stretch = Math.max(1, scale);
  // A length that stays is copied.
  const support = from === to ? 0.5 : SUPPORT[filter] * stretch;
  const share = from === to ? FILTERS.area : FILTERS[filter];
  const most = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights = new Int32Array(count * most);
  for (let place = 0; place < count; place++) {
    const centre = (first + place + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const shares = Array.from({ length: end - start }, (_, tap) =>
      share((start + tap - centre + 0.5) / stretch),
    );
    const sum = shares.reduce((total, one) => total + one, 0);
    for (const [tap, one] of shares.entries())
      weights[place * most + tap] = Math.trunc((one / sum) * 2 ** BITS + (one < 0 ? -0.5 : 0.5));
    starts[place] = start;
    counts[place] = end - start;
  }
  return { starts, counts, weights, most };
}

/** Keys' cubic with a = −0.5. */
const SHARPNESS = -0.5;
const FILTERS: Record<Filter, (distance: number) => number> = {
  area: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0),
  bilinear: (x) => Math.max(0, 1 - Math.abs(x)),
  bicubic: (signed) => {
    const x = Math.abs(signed);
    if (x < 1) return ((SHARPNESS + 2) * x - (SHARPNESS + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * SHARPNESS;
    return 0;
  },
};
