// The spectrogram that Whisper hears: logarithms of energies in bands as wide as the ear's, a hundred a second, of 30
// seconds at once. As librosa and Whisper's authors define it (Slaney's mel scale). Numbers in, numbers out.

/** Samples a second. */
export const HEARD_RATE = 16_000;
const WINDOW_SECONDS = 30;
/** Samples of one window. */
export const WINDOW_SAMPLES = WINDOW_SECONDS * HEARD_RATE;
const HOP = 160;
/** Columns of a window's spectrogram. */
export const WINDOW_FRAMES = WINDOW_SAMPLES / HOP;
const SIZE = 400;
const HALF = SIZE / 2;
const BINS = HALF + 1;
/** What silence is taken for, and how far below the loudest anything may be, in tens of decibels. */
const [QUIETEST, RANGE] = [1e-10, 8];

/** Slaney's mel scale: linear below 1 kHz, 27 steps of a logarithm for a factor of 6.4 above. */
const [LINEAR_STEP, BREAK_HZ, LOG_STEP] = [200 / 3, 1000, Math.log(6.4) / 27];
const BREAK_MEL = BREAK_HZ / LINEAR_STEP;
const melOf = (hz: number) =>
  hz < BREAK_HZ ? hz / LINEAR_STEP : BREAK_MEL + Math.log(hz / BREAK_HZ) / LOG_STEP;
const hzOf = (mel: number) =>
  mel < BREAK_MEL ? mel * LINEAR_STEP : BREAK_HZ * Math.exp((mel - BREAK_MEL) * LOG_STEP);

/** A triangle over neighbouring bins, of area one. */
interface Band {
  first: number;
  weights: Float64Array;
}
const bandsByCount = new Map<number, Band[]>();

function bandsOf(count: number): Band[] {
  const known = bandsByCount.get(count);
  if (known) return known;
  const top = melOf(HEARD_RATE / 2);
  const edges = Array.from({ length: count + 2 }, (_, i) => hzOf((i * top) / (count + 1)));
  const bands = Array.from({ length: count }, (_, band) => {
    const [low = 0, middle = 0, high = 0] = edges.slice(band, band + 3);
    const weights = Array.from({ length: BINS }, (_, bin) => {
      const hz = (bin * HEARD_RATE) / SIZE;
      const height = Math.min((hz - low) / (middle - low), (high - hz) / (high - middle));
      return (Math.max(0, height) * 2) / (high - low);
    });
    const first = Math.max(
      0,
      weights.findIndex((weight) => weight > 0),
    );
    const end = weights.findLastIndex((weight) => weight > 0) + 1;
    return { first, weights: Float64Array.from(weights.slice(first, end)) };
  });
  bandsByCount.set(count, bands);
  return bands;
}

const HANN = Float64Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE));
/** Row k: of bin k, what each of the folded samples counts. */
const wave = (of: (angle: number) => number) =>
  Float64Array.from({ length: BINS * BINS }, (_, i) =>
    of((2 * Math.PI * ((Math.floor(i / BINS) * (i % BINS)) % SIZE)) / SIZE),
  );
let waves: { cos: Float64Array; sin: Float64Array } | undefined;

/** Energies of one frame's bins. A frame's halves are folded: cosines are alike in both, sines opposite. */
function energiesOf(frame: Float64Array, energies: Float64Array): void {
  waves ??= { cos: wave(Math.cos), sin: wave(Math.sin) };
  const { cos, sin } = waves;
  const [even, odd] = [new Float64Array(BINS), new Float64Array(BINS)];
  for (let i = 0; i <= HALF; i++) {
    const [one, other] = [frame[i] ?? 0, i === 0 || i === HALF ? 0 : (frame[SIZE - i] ?? 0)];
    even[i] = one + other;
    odd[i] = one - other;
  }
  for (let bin = 0; bin < BINS; bin++) {
    let [real, imaginary] = [0, 0];
    const row = bin * BINS;
    for (let i = 0; i < BINS; i++) {
      real += (cos[row + i] ?? 0) * (even[i] ?? 0);
      imaginary += (sin[row + i] ?? 0) * (odd[i] ?? 0);
    }
    energies[bin] = real * real + imaginary * imaginary;
  }
}

/**
 * The spectrogram of up to 30 seconds of sound (16 kHz, −1 to 1), filled with silence: `bands` rows of 3,000 columns.
 */
export function logMel(sound: Float32Array, bands: number): Float32Array {
  const triangles = bandsOf(bands);
  const features = new Float32Array(bands * WINDOW_FRAMES).fill(Math.log10(QUIETEST));
  const length = Math.min(sound.length, WINDOW_SAMPLES);
  // Sound is mirrored at both ends of the window, so that its first frame is centred on its first sample.
  const at = (index: number) => {
    const inside = index < WINDOW_SAMPLES ? Math.abs(index) : 2 * (WINDOW_SAMPLES - 1) - index;
    return inside < length ? (sound[inside] ?? 0) : 0;
  };
  const [frame, energies] = [new Float64Array(SIZE), new Float64Array(BINS)];
  // Behind the sound there is nothing to compute.
  const columns = Math.min(WINDOW_FRAMES, Math.ceil((length + HALF) / HOP));
  for (let column = 0; column < columns; column++) {
    const start = column * HOP - HALF;
    for (let i = 0; i < SIZE; i++) frame[i] = at(start + i) * (HANN[i] ?? 0);
    energiesOf(frame, energies);
    for (const [band, { first, weights }] of triangles.entries()) {
      let energy = 0;
      for (let i = 0; i < weights.length; i++) energy += (weights[i] ?? 0) * (energies[first + i] ?? 0);
      features[band * WINDOW_FRAMES + column] = Math.log10(Math.max(energy, QUIETEST));
    }
  }
  const floor = features.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY) - RANGE;
  return features.map((value) => (Math.max(value, floor) + 4) / 4);
}
