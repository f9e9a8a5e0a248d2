// weir/pdq-256: PDQ, the published perceptual hash for finding copies of a picture (Facebook, 2019:
// "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm"). Pure arithmetic, in the
// paper's own steps: luma, Jarosz filter, 64×64, DCT, median.

const SIDE = 64;
const BITS_SIDE = 16;
export const PDQ_DIMENSIONS = 256;
/** The filter's window is so that two passes leave about this many independent samples of a side, twice over. */
const WINDOW_DIVISOR = 2 * SIDE;

/** The DCT's rows 1 to 16; row 0, the mean, says nothing of the structure. */
const DCT = Float64Array.from({ length: BITS_SIDE * SIDE }, (_, index) => {
  const [row, column] = [Math.floor(index / SIDE) + 1, index % SIDE];
  return Math.sqrt(2 / SIDE) * Math.cos((Math.PI / 2 / SIDE) * row * (2 * column + 1));
});

export interface Pdq {
  /** 64 hex digits, as the reference implementation prints them: bit 255 first. */
  hex: string;
  /** -1 or 1 for each bit, bit 0 first. */
  signs: Float32Array;
  /** 0 to 100: how much structure there is. Below 50 two pictures may agree by chance. */
  quality: number;
}

/** Hashes rgb24 pixels without padding. */
export function pdq(rgb: Uint8Array, width: number, height: number): Pdq {
  let luma = lumaOf(rgb);
  const [across, down] = [Math.ceil(width / WINDOW_DIVISOR), Math.ceil(height / WINDOW_DIVISOR)];
  for (let pass = 0; pass < 2; pass++) {
    luma = boxFilter(luma, height, width, 1, width, across);
    luma = boxFilter(luma, width, height, width, 1, down);
  }
  const small = decimate(luma, width, height);
  const coefficients = dct(small);
  const median = coefficients.toSorted()[PDQ_DIMENSIONS / 2 - 1] ?? 0;
  const signs = Float32Array.from(coefficients, (value) => (value > median ? 1 : -1));
  return { signs, hex: hexOf(signs), quality: qualityOf(small) };
}

function lumaOf(rgb: Uint8Array): Float64Array {
  return Float64Array.from({ length: rgb.length / 3 }, (_, i) => {
    const index = i * 3;
    return 0.299 * (rgb[index] ?? 0) + 0.587 * (rgb[index + 1] ?? 0) + 0.114 * (rgb[index + 2] ?? 0);
  });
}

/** Means over a sliding window along `lines` lines of `length` samples; the window is cut off at the edges. */
function boxFilter(
  from: Float64Array,
  lines: number,
  length: number,
  step: number,
  lineStep: number,
  window: number,
): Float64Array {
  const to = new Float64Array(from.length);
  const ahead = Math.floor((window + 2) / 2);
  for (let line = 0; line < lines; line++) {
    const base = line * lineStep;
    const sampleAt = (i: number) => from[base + i * step] ?? 0;
    let sum = 0;
    for (let i = 0; i < Math.min(ahead - 1, length); i++) sum += sampleAt(i);
    for (let i = 0; i < length; i++) {
      const [enters, leaves] = [i + ahead - 1, i + ahead - 1 - window];
      if (enters < length) sum += sampleAt(enters);
      if (leaves >= 0) sum -= sampleAt(leaves);
      const count = Math.min(enters, length - 1) - Math.max(leaves, -1);
      to[base + i * step] = sum / count;
    }
  }
  return to;
}

/** 64×64 samples from the middle of equal parts. */
function decimate(luma: Float64Array, width: number, height: number): Float64Array {
  return Float64Array.from({ length: SIDE * SIDE }, (_, index) => {
    const y = Math.floor(((Math.floor(index / SIDE) + 0.5) * height) / SIDE);
    const x = Math.floor((((index % SIDE) + 0.5) * width) / SIDE);
    return luma[y * width + x] ?? 0;
  });
}

/** 16×16 low frequencies: D · A · Dᵀ. */
function dct(small: Float64Array): Float64Array {
  const half = new Float64Array(BITS_SIDE * SIDE);
  for (let i = 0; i < BITS_SIDE; i++) {
    for (let j = 0; j < SIDE; j++) {
      let sum = 0;
      for (let k = 0; k < SIDE; k++) sum += (DCT[i * SIDE + k] ?? 0) * (small[k * SIDE + j] ?? 0);
      half[i * SIDE + j] = sum;
    }
  }
  return Float64Array.from({ length: PDQ_DIMENSIONS }, (_, index) => {
    const [i, j] = [Math.floor(index / BITS_SIDE), index % BITS_SIDE];
    let sum = 0;
    for (let k = 0; k < SIDE; k++) sum += (half[i * SIDE + k] ?? 0) * (DCT[j * SIDE + k] ?? 0);
    return sum;
  });
}

/** The sum of the steps between neighbours, in hundredths of the range, over ninety. */
function qualityOf(small: Float64Array): number {
  let steps = 0;
  const step = (a: number, b: number) =>
    Math.abs(Math.trunc((((small[a] ?? 0) - (small[b] ?? 0)) * 100) / 255));
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      if (y + 1 < SIDE) steps += step(y * SIDE + x, (y + 1) * SIDE + x);
      if (x + 1 < SIDE) steps += step(y * SIDE + x, y * SIDE + x + 1);
    }
  }
  return Math.min(100, Math.trunc(steps / 90));
}

function hexOf(signs: Float32Array): string {
  let hex = "";
  for (let index = PDQ_DIMENSIONS - 4; index >= 0; index -= 4) {
    const nibble = [3, 2, 1, 0].reduce((bits, i) => bits * 2 + ((signs[index + i] ?? 0) > 0 ? 1 : 0), 0);
    hex += nibble.toString(16);
  }
  return hex;
}
