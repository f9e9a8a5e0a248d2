// weir/hog-512: what a picture looks like, as a histogram of its edge directions. It sees appearance, not
// meaning. Pure arithmetic over 224×224 bytes of luma; decoding and scaling happen elsewhere.

export const HOG_SIZE = 224;
export const HOG_DIMENSIONS = 512;
const CELLS = 8;
const CELL = HOG_SIZE / CELLS;
const BINS = 8;
/** Added to a cell's length: in a cell without edges, noise stays small instead of becoming a direction. */
const FLOOR = 0.02 * CELL * CELL;

/**
 * One frame: 8×8 cells of 8 orientations. Luma's square root evens out exposure; orientations are unsigned
 * (an edge from dark to light equals one from light to dark) and shared between the two nearest of 8 bins;
 * each cell has length one, or less where it is flat.
 */
export function hog(luma: Uint8Array): Float32Array {
  const root = Float32Array.from({ length: 256 }, (_, value) => Math.sqrt(value));
  const at = (x: number, y: number) => root[luma[y * HOG_SIZE + x] ?? 0] ?? 0;
  const out = new Float32Array(HOG_DIMENSIONS);
  for (let y = 1; y < HOG_SIZE - 1; y++) {
    for (let x = 1; x < HOG_SIZE - 1; x++) {
      const dx = at(x + 1, y) - at(x - 1, y);
      const dy = at(x, y + 1) - at(x, y - 1);
      const strength = Math.hypot(dx, dy);
      if (strength === 0) continue;
      const turn = ((Math.atan2(dy, dx) / Math.PI + 1) % 1) * BINS;
      const bin = Math.floor(turn) % BINS;
      const cell = (Math.floor(y / CELL) * CELLS + Math.floor(x / CELL)) * BINS;
      const share = turn - Math.floor(turn);
      out[cell + bin] = (out[cell + bin] ?? 0) + strength * (1 - share);
      const next = cell + ((bin + 1) % BINS);
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
