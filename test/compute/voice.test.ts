// Which parts of a sound are speech, by drawn sounds: voices of known places in noise of any loudness.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_WINDOW, VOICE_RATE, voiceWindows } from "../../workers/compute/server/voice.ts";

const seconds = (count: number) => Math.round(count * VOICE_RATE);
const amplitude = (decibels: number) => 32_768 * 10 ** (decibels / 20);
/** Even noise, the same for the same seed. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

interface Voice {
  from: number;
  to: number;
  decibels: number;
}
/** Adds a voice: harmonics of a pitch, four syllables a second. */
function speak(samples: Int16Array, { from, to, decibels }: Voice): void {
  for (let i = from; i < Math.min(to, samples.length); i++) {
    const at = (i - from) / VOICE_RATE;
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 4 * at + 1.2)) ** 0.5;
    const tone = [1, 2, 3, 5, 8].reduce((sum, n) => sum + Math.sin(2 * Math.PI * 140 * n * at) / n, 0);
    const value = (samples[i] ?? 0) + amplitude(decibels) * syllable * tone;
    samples[i] = Math.max(-32_768, Math.min(32_767, value));
  }
}
function sound(length: number, floor: number, seed: number, voices: readonly Voice[]): Int16Array {
  const random = noise(seed);
  const samples = Int16Array.from({ length }, () => random() * amplitude(floor) * Math.sqrt(3));
  for (const voice of voices) speak(samples, voice);
  return samples;
}

const drawn = fc
  .record({
    length: fc.integer({ min: 1, max: seconds(60) }),
    floor: fc.integer({ min: -90, max: -38 }),
    seed: fc.integer({ min: 1, max: 1e6 }),
    voices: fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        long: fc.oneof(
          fc.double({ min: 0.2, max: 4, noNaN: true }),
          fc.double({ min: 4, max: 50, noNaN: true }),
        ),
        above: fc.integer({ min: 16, max: 30 }),
      }),
      { maxLength: 5 },
    ),
  })
  .map(({ voices, ...rest }) => ({
    ...rest,
    voices: voices.map(({ at, long, above }) => {
      const from = Math.floor(at * rest.length);
      const to = Math.min(rest.length, from + seconds(long));
      return { from, to, decibels: Math.max(-56, rest.floor + above) };
    }),
  }));

/** A voice that is shorter and hardly over −60 dB may be a click. */
const MIN_SPOKEN = seconds(0.3);

describe("windows of speech", () => {
  test("hold every voice, are apart and in order, and no longer than a model takes", () => {
    fc.assert(
      fc.property(drawn, ({ length, floor, seed, voices }) => {
        const windows = voiceWindows(sound(length, floor, seed, voices));
        let before = 0;
        for (const { from, to } of windows) {
          expect(from).toBeGreaterThanOrEqual(before);
          expect(to).toBeGreaterThan(from);
          expect(to - from).toBeLessThanOrEqual(MAX_WINDOW);
          before = to;
        }
        expect(before).toBeLessThanOrEqual(length);
        for (const { from, to } of voices.filter((voice) => voice.to - voice.from >= MIN_SPOKEN))
          for (let at = from; at < to; at++) {
            const window = windows.find((each) => each.from <= at && at < each.to);
            if (!window) throw new Error(`the voice at ${at / VOICE_RATE} s is in no window`);
            at = window.to;
          }
        // What nobody says is left out, but for margins and short breaks.
        const spoken = voices.reduce((sum, voice) => sum + voice.to - voice.from, 0);
        const heard = windows.reduce((sum, window) => sum + window.to - window.from, 0);
        expect(heard).toBeLessThanOrEqual(spoken + voices.length * seconds(2.7));
      }),
      { numRuns: 15 },
    );
  });

  test.each([
    ["silence", -200],
    ["the noise of a room", -60],
    ["a loud fan", -36],
  ])("are none in %s", (_, floor) => {
    expect(voiceWindows(sound(seconds(60), floor, 7, []))).toEqual([]);
  });

  test("are none for hum and clicks", () => {
    const samples = Int16Array.from(
      { length: seconds(30) },
      (_, i) => 700 * Math.sin((2 * Math.PI * 50 * i) / VOICE_RATE),
    );
    for (let second = 2; second < 30; second += 4) samples.fill(9000, seconds(second), seconds(second) + 60);
    expect(voiceWindows(samples)).toEqual([]);
  });

  test("end where a long voice takes breath", () => {
    const pause = seconds(26.4);
    const voices = [
      { from: 0, to: pause, decibels: -20 },
      { from: pause + seconds(0.25), to: seconds(50), decibels: -20 },
    ];
    const [first, second, ...others] = voiceWindows(sound(seconds(50), -70, 3, voices));
    expect(others).toEqual([]);
    expect(first?.from).toBe(0);
    expect(first?.to).toBe(second?.from);
    expect(Math.abs((first?.to ?? 0) - pause - seconds(0.125))).toBeLessThan(seconds(0.2));
  });
});
