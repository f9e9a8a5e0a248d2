// The arithmetic of spans, samples and frame numbers: numbers in, numbers out.

export interface Span {
  /** Seconds from the start of the film; a span holds its start and not its end. */
  start: number;
  end: number;
}

/** A remainder shorter than this belongs to the span before it. */
const MIN_SPAN_SECONDS = 0.001;

/** Cuts `[0, duration)` into spans of `interval` seconds, the last one short. Positions are whole microseconds. */
export function evenSpans(duration: number, interval: number): Span[] {
  const count = Math.max(1, Math.ceil((duration - MIN_SPAN_SECONDS) / interval));
  return Array.from({ length: count }, (_, index) => ({
    start: roundTime(index * interval),
    end: roundTime(index === count - 1 ? duration : (index + 1) * interval),
  }));
}

/**
 * Spans from mark to mark (cuts, keyframes), from 0 to the duration. A span shorter than `min` goes on to the
 * next mark, one longer than `max` is divided evenly.
 */
export function spansBetween(marks: readonly number[], duration: number, min = 0, max = duration): Span[] {
  const starts = [0];
  for (const mark of marks) {
    const last = starts.at(-1) ?? 0;
    if (mark - last >= Math.max(min, MIN_SPAN_SECONDS) && duration - mark >= Math.max(min, MIN_SPAN_SECONDS))
      starts.push(mark);
  }
  return starts.flatMap((start, i) => {
    const end = starts[i + 1] ?? duration;
    const parts = Math.max(1, Math.ceil((end - start - MIN_SPAN_SECONDS) / max));
    const at = (n: number) => roundTime(start + ((end - start) * n) / parts);
    return Array.from({ length: parts }, (_, n) => ({ start: at(n), end: at(n + 1) }));
  });
}

/** Each span but the last goes on for `overlap` seconds into those that follow. */
export const overlapped = (planned: readonly Span[], overlap: number, duration: number): Span[] =>
  planned.map(({ start, end }) => ({ start, end: roundTime(Math.min(end + overlap, duration)) }));

/** At most `count` of the values, the first and the last among them when there are more, evenly in between. */
export function spread<T>(values: readonly T[], count: number): T[] {
  if (values.length <= count) return [...values];
  if (count === 1) return values.slice(0, 1);
  return Array.from({ length: count }, (_, i) => Math.round((i * (values.length - 1)) / (count - 1))).flatMap(
    (index) => values.slice(index, index + 1),
  );
}

/** `count` times inside a span, each in the middle of an equal part of it. */
export function evenTimes(span: Span, count: number): number[] {
  const part = (span.end - span.start) / count;
  return Array.from({ length: count }, (_, i) => span.start + (i + 0.5) * part);
}

/** How many of the ascending times come before `time`. */
export function countBefore(times: ArrayLike<number>, time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? Number.POSITIVE_INFINITY) < time - 1e-6) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Seconds in whole microseconds, as positions are answered. */
export const roundTime = (seconds: number) => Math.round(seconds * 1e6) / 1e6;
