// weir/hog-512: what a picture looks like, as a histogram of its edge directions. It sees appearance, not
// meaning. Pure arithmetic over 224×224 bytes of luma; decoding and scaling happen elsewhere.

export const HOG_SIZE = 224;
export const HOG_DIMENSIONS = 512;
const CELLS = 8;
const CELL_PIXELS = HOG_SIZE / CELLS;
const BINS = 8;
/** Added to a cell's length: in a cell without edges, noise stays small instead of becoming a direction. */
const FLOOR = 0.02 * CELL_PIXELS * CELL_PIXELS;
const SQUARE_ROOTS = Float32Array.from({ length: 256 }, (_, value) => Math.sqrt(value));

/**
 * One frame: 8×8 cells of 8 orientations. Luma's square root evens out exposure; orientations are unsigned
 * (an edge from dark to light equals one from light to dark) and shared between the two nearest of 8 bins;
 * each cell has length one, or less where it is flat.
 */
export function hog(luma: Uint8Array): Float32Array {
  const light = new Float32Array(luma.length);
  for (let i = 0; i < luma.length; i++) light[i] = SQUARE_ROOTS[luma[i] ?? 0] ?? 0;
  const out = new Float32Array(HOG_DIMENSIONS);
  for (let y = 1; y < HOG_SIZE - 1; y++) {
    const row = Math.floor(y / CELL_PIXELS) * CELLS;
    for (let x = 1; x < HOG_SIZE - 1; x++) {
      const i = y * HOG_SIZE + x;
      const dx = (light[i + 1] ?? 0) - (light[i - 1] ?? 0);
      const dy = (light[i + HOG_SIZE] ?? 0) - (light[i - HOG_SIZE] ?? 0);
      if (dx === 0 && dy === 0) continue;
      const strength = Math.sqrt(dx * dx + dy * dy);
      // Half a turn is none: an edge has no direction, only a slope.
      const turn = (Math.atan2(dy, dx) / Math.PI + 1) * BINS;
      const whole = Math.floor(turn);
      const share = turn - whole;
      const cell = (row + Math.floor(x / CELL_PIXELS)) * BINS;
      const bin = cell + (whole % BINS);
      const next = cell + ((whole + 1) % BINS);
      out[bin] = (out[bin] ?? 0) + strength * (1 - share);
      out[next] = (out[next] ?? 0) + strength * share;
    }
  }
  for (let cell = 0; cell < HOG_DIMENSIONS; cell += BINS) {
    const part = out.subarray(cell, cell + BINS);
    const length = Math.hypot(...part, FLOOR);
    for (let i = 0; i < BINS; i++) part[i] = (part[i] ?? 0) / length;
  }
  return out;
}
