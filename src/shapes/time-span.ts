// A span of time as people write it: 30s, 12h, 7d, 2w. One grammar for every flag, body and setting that takes one.

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** What is expected where a span is, for failures. */
export const SPAN_EXPECTED = "a span such as 2w, 7d, 12h, 30m or 45s";

/** A span in milliseconds; undefined where the text is none. */
export function spanMs(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
}
