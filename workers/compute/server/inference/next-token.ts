// Which token a Whisper model writes next: the likeliest that may stand there. Times come in pairs and never go back, a
// window begins with one, and what the model repeats without end is cut. Numbers in, numbers out.
import type { WhisperModel } from "../../../../src/shapes/model.ts";

/** What a model may write. */
export interface Grammar {
  end: number;
  /** The token of the time 0; each after it is 0.02 s later. */
  zero: number;
  /** The latest that may come first. */
  latestFirst: number;
  /** Never written. */
  never: ReadonlySet<number>;
  /** Not written first among text. */
  notFirst: ReadonlySet<number>;
}

export function grammarOf({ tokens, max_first_timestamp }: WhisperModel): Grammar {
  const { start, end, transcribe, no_timestamps, languages, suppressed, suppressed_first } = tokens;
  const zero = no_timestamps + 1;
  const marks = [
    start,
    no_timestamps,
    ...(transcribe === undefined ? [] : [transcribe]),
    ...Object.values(languages),
  ];
  return {
    end,
    zero,
    latestFirst: zero + max_first_timestamp,
    never: new Set([...suppressed, ...marks].filter((token) => token !== end && token < zero)),
    notFirst: new Set(suppressed_first),
  };
}

/** The token after those that are `written`, by the model's numbers for each. */
export function nextToken(logits: Float32Array, written: readonly number[], grammar: Grammar): number {
  const { end, zero, never, notFirst } = grammar;
  const [before, last] = [written.at(-2), written.at(-1)];
  const isTime = (token: number | undefined) => token !== undefined && token >= zero;
  const opened = isTime(last) && (before === undefined || isTime(before));
  const closed = isTime(last) && !opened;
  const isFirstText = written.every(isTime);
  const text = likeliest(logits, 0, zero, (token) => {
    if (written.length === 0 || never.has(token)) return false;
    if (closed) return token === end;
    return !(isFirstText && notFirst.has(token));
  });
  if (opened) return text.token ?? end;
  const [from, to] = timesAllowed(written, closed, grammar, logits.length);
  const time = likeliest(logits, from, to, () => true);
  if (time.token === undefined || text.token === undefined) return time.token ?? text.token ?? end;
  // All times together against the likeliest word: one moment is seldom sure, that it ends here often is.
  let together = 0;
  for (let token = from; token < to; token++) together += Math.exp((logits[token] ?? -Infinity) - time.logit);
  return time.logit + Math.log(together) > text.logit ? time.token : text.token;
}

function timesAllowed(
  written: readonly number[],
  closed: boolean,
  { zero, latestFirst }: Grammar,
  count: number,
): [from: number, to: number] {
  if (written.length === 0) return [zero, Math.min(count, latestFirst + 1)];
  const latest = written.findLast((token) => token >= zero);
  // What begins where the last part ended has the same time; what ends has a later one than it began with.
  return [latest === undefined ? zero : latest + (closed ? 0 : 1), count];
}

/** The likeliest token from one up to, not including, another. */
export function likeliest(
  logits: Float32Array,
  from: number,
  to: number,
  isAllowed: (token: number) => boolean,
): { token: number | undefined; logit: number } {
  let token: number | undefined;
  let logit = Number.NEGATIVE_INFINITY;
  for (let i = from; i < Math.min(to, logits.length); i++) {
    const value = logits[i] ?? Number.NEGATIVE_INFINITY;
    if (value > logit && isAllowed(i)) [token, logit] = [i, value];
  }
  return { token, logit };
}

/** Tokens that make one turn of a loop, and how often nobody says the same. */
const [LONGEST_TURN, MAX_TURNS] = [16, 6];

/** What is written up to the first turn of a loop that it ends with; undefined where it ends with none. */
export function beforeLoop(written: readonly number[]): number[] | undefined {
  for (let turn = 1; turn <= LONGEST_TURN; turn++) {
    const from = written.length - turn * MAX_TURNS;
    if (from < 0) return undefined;
    const loop = written.slice(from);
    if (loop.every((token, i) => token === loop[i % turn])) return written.slice(0, from + turn);
  }
  return undefined;
}
