// Where somebody speaks: stretches of sound that stand out from what is around them, put together to windows that a
// speech model takes. By loudness alone, and in doubt it is speech: what is left out is never heard by anybody.
// Numbers in, numbers out; times are in samples of 16 kHz.

/** Samples a second of the sound that is looked at. */
export const VOICE_RATE = 16_000;

/** A stretch of sound, `[from, to)`, samples. */
export interface Stretch {
  from: number;
  to: number;
}

const FRAME = VOICE_RATE / 50;
const FRAMES_PER_SECOND = VOICE_RATE / FRAME;
/** Loudness (dB below full scale) of digital silence. */
const SILENCE_DB = -100;
/** A voice is at least this much louder than what is heard around it, dB. */
const ABOVE_FLOOR_DB = 8;
/** Quieter than the first is no voice, louder than the second always counts as one, dB below full scale. */
const [QUIETEST_DB, LOUDEST_DB] = [-60, -30];
/** What is around a moment: so many seconds before and after it, by their quieter fifth. */
const AROUND_SECONDS = 5;
const QUIETER_SHARE = 0.2;
/** A click is shorter than this, frames. */
const MIN_VOICED_FRAMES = 3;
/** Breaks within a sentence, frames. */
const BREAK_FRAMES = 0.3 * FRAMES_PER_SECOND;
/** Weak sounds at the beginning and end of words, samples. */
const MARGIN = 0.3 * VOICE_RATE;
/** Longer silence is left out, shorter is heard with what is around it, samples. */
const MAX_SILENCE = 2 * VOICE_RATE;
/** The longest window: what Whisper and its kind take at once, samples. */
export const MAX_WINDOW = 30 * VOICE_RATE;
/** A voice that does not pause is cut where it is quietest, behind so many samples of a window. */
const EARLIEST_CUT = 20 * VOICE_RATE;
/** Half of a breath, frames. */
const BREATH_FRAMES = 7;

/** A part of a sound, and where in it there is a voice. */
export interface Phrase extends Stretch {
  voice: Stretch;
}

/** A sound in parts that are cut in its pauses, each with one voice in it; nothing is left out. */
export function phrasesIn(samples: Int16Array): Phrase[] {
  const stretches = stretchesOf(levelsOf(samples), samples.length);
  const whole = { from: 0, to: samples.length };
  if (stretches.length === 0) return [{ ...whole, voice: whole }];
  const cuts = stretches.slice(1).map(({ from }, i) => Math.round(((stretches[i]?.to ?? 0) + from) / 2));
  return stretches.map(({ voice }, i) => ({ from: cuts[i - 1] ?? 0, to: cuts[i] ?? samples.length, voice }));
}

/** Windows of at most 30 s that hold every voice, in order, apart from each other, and no long silence. */
export function voiceWindows(samples: Int16Array): Stretch[] {
  const levels = levelsOf(samples);
  const windows: Stretch[] = [];
  for (const { from, to } of stretchesOf(levels, samples.length)) {
    const last = windows.at(-1);
    if (last && from - last.to <= MAX_SILENCE && to - last.from <= MAX_WINDOW) last.to = to;
    else windows.push(...partsOf({ from, to }, levels));
  }
  return windows;
}

/** Loudness of each frame without what is below speech, dB below full scale. */
function levelsOf(samples: Int16Array): Float32Array {
  const levels = new Float32Array(Math.ceil(samples.length / FRAME));
  let [before, rumble] = [0, 0];
  for (let frame = 0; frame < levels.length; frame++) {
    const [from, to] = [frame * FRAME, Math.min(samples.length, (frame + 1) * FRAME)];
    let energy = 0;
    for (let i = from; i < to; i++) {
      const sample = (samples[i] ?? 0) / 32_768;
      // A high-pass of the first order, at about 100 Hz: hum and wind have no say.
      rumble = 0.96 * (rumble + sample - before);
      before = sample;
      energy += rumble * rumble;
    }
    levels[frame] = Math.max(SILENCE_DB, 10 * Math.log10(energy / (to - from) + 1e-10));
  }
  return levels;
}

/** Stretches in which there is a voice, with their margins. */
function stretchesOf(levels: Float32Array, length: number): Phrase[] {
  const floors = floorsOf(levels);
  const stretches: Phrase[] = [];
  let [first, last, voiced] = [-1, -1, 0];
  const close = () => {
    const before = stretches.at(-1);
    const voice = { from: first * FRAME, to: Math.min(length, (last + 1) * FRAME) };
    const from = Math.max(0, voice.from - MARGIN);
    const to = Math.min(length, voice.to + MARGIN);
    if (voiced < MIN_VOICED_FRAMES) return;
    if (before && from <= before.to) [before.to, before.voice.to] = [to, voice.to];
    else stretches.push({ from, to, voice });
  };
  for (let frame = 0; frame < levels.length; frame++) {
    const floor = floors[Math.floor(frame / FRAMES_PER_SECOND)] ?? SILENCE_DB;
    const threshold = Math.min(LOUDEST_DB, Math.max(QUIETEST_DB, floor + ABOVE_FLOOR_DB));
    if ((levels[frame] ?? SILENCE_DB) < threshold) continue;
    if (last >= 0 && frame - last > BREAK_FRAMES) {
      close();
      [first, voiced] = [frame, 0];
    }
    if (first < 0) first = frame;
    last = frame;
    voiced++;
  }
  if (last >= 0) close();
  return stretches;
}

/** How loud it is around each second when nobody speaks. */
function floorsOf(levels: Float32Array): number[] {
  const quiet = Array.from({ length: Math.ceil(levels.length / FRAMES_PER_SECOND) }, (_, second) => {
    const frames = levels.slice(second * FRAMES_PER_SECOND, (second + 1) * FRAMES_PER_SECOND).sort();
    return frames[Math.floor(frames.length * QUIETER_SHARE)] ?? SILENCE_DB;
  });
  return quiet.map((_, second) =>
    Math.min(...quiet.slice(Math.max(0, second - AROUND_SECONDS), second + AROUND_SECONDS + 1)),
  );
}

/** A stretch in parts that are no longer than a window, cut where it is quietest. */
function partsOf({ from, to }: Stretch, levels: Float32Array): Stretch[] {
  const parts: Stretch[] = [];
  let start = from;
  while (to - start > MAX_WINDOW) {
    const cut = quietestBetween(levels, start + EARLIEST_CUT, start + MAX_WINDOW);
    parts.push({ from: start, to: cut });
    start = cut;
  }
  return [...parts, { from: start, to }];
}

function quietestBetween(levels: Float32Array, from: number, to: number): number {
  const [first, end] = [Math.ceil(from / FRAME), Math.floor(to / FRAME)];
  let best = first;
  let lowest = Number.POSITIVE_INFINITY;
  for (let frame = first; frame < end; frame++) {
    // The frames beside it count, too: a breath is longer than the break between two syllables.
    const around = levels.subarray(Math.max(0, frame - BREATH_FRAMES), frame + BREATH_FRAMES + 1);
    const mean = around.reduce((sum, level) => sum + level, 0) / around.length;
    if (mean < lowest) [best, lowest] = [frame, mean];
  }
  return best * FRAME;
}
