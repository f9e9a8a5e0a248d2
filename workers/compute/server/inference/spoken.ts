// Texts with their times, out of the tokens that a Whisper model wrote for one window. Pure.

/** A text, and when it is said, seconds. */
export interface Utterance {
  text: string;
  start: number;
  end: number;
}

/** Between two tokens of times, seconds. */
const STEP = 0.02;
/** A window that goes on moves by at least this much, seconds: so it ends. */
const MIN_MOVE = 1;

/** Text between two times, and where in the window the next one is to begin. */
export interface Spoken {
  parts: { ids: number[]; start: number; end: number }[];
  /** Seconds; undefined: the window is over. */
  goOn: number | undefined;
}

/**
 * Parts of `seconds` of sound. Two times in a row say that more may come behind them: the next window begins there, and
 * text without an end is left to it. Without such a pair the text is all that was said.
 */
export function spokenIn(
  written: readonly number[],
  { zero, seconds }: { zero: number; seconds: number },
): Spoken {
  const parts: Spoken["parts"] = [];
  let [start, ids, pair]: [number, number[], number | undefined] = [0, [], undefined];
  let isBehindTime = false;
  for (const token of written) {
    if (token < zero) {
      ids.push(token);
      isBehindTime = false;
      continue;
    }
    const time = Math.min(seconds, (token - zero) * STEP);
    if (isBehindTime) pair = time;
    if (ids.length > 0) parts.push({ ids, start: Math.min(start, time), end: time });
    [start, ids, isBehindTime] = [time, [], parts.length > 0];
  }
  const isWhole = ids.length === 0 && !(isBehindTime && endsInPair(written, zero));
  if (pair !== undefined && pair >= MIN_MOVE && !isWhole) return { parts, goOn: pair };
  if (ids.length > 0) parts.push({ ids, start, end: seconds });
  return { parts, goOn: undefined };
}

const endsInPair = (written: readonly number[], zero: number) =>
  (written.at(-1) ?? 0) >= zero && (written.at(-2) ?? 0) >= zero;

/** Words of a text by their share of its letters: Whisper's ONNX files say when a part is said, not each word. */
export function wordsOf({ text, start, end }: Utterance): Utterance[] {
  const words = text.split(/\s+/).filter((word) => word !== "");
  const letters = words.reduce((sum, word) => sum + word.length, 0);
  let before = 0;
  return words.map((word) => {
    const timeAt = (count: number) => start + ((end - start) * count) / letters;
    const from = before;
    before += word.length;
    return { text: word, start: timeAt(from), end: timeAt(before) };
  });
}
