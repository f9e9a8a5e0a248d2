// The arithmetic of spans, samples and frame numbers: numbers in, numbers out.

export interface Span {
  /** Seconds from the start of the film; a span holds its start and not its end. */
  start: number;
  end: number;
}

/** A remainder shorter than this belongs to the span before it. */
const LEAST = 0.001;

/** Cuts `[0, duration)` into spans of `interval` seconds, the last one short. Positions are whole microseconds. */
export function spans(duration: number, interval: number): Span[] {
  const count = Math.max(1, Math.ceil((duration - LEAST) / interval));
  return Array.from({ length: count }, (_, index) => ({
    start: micro(index * interval),
    end: micro(index === count - 1 ? duration : (index + 1) * interval),
  }));
}

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

export const micro = (seconds: number) => Math.round(seconds * 1e6) / 1e6;
