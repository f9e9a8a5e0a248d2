// Numbers and times as a person reads them. Pure: the present time is a parameter.

const time = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const dateTime = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const counted = new Intl.NumberFormat("en-GB");
const compact = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });

/** The time of day, with the date unless it is today. */
export function clock(iso: string, now: Date): string {
  const moment = new Date(iso);
  if (Number.isNaN(moment.valueOf())) return iso;
  return moment.toDateString() === now.toDateString() ? time.format(moment) : dateTime.format(moment);
}

/** How long something took: `12 ms`, `3.4 s`, `2 min 5 s`, `3 h 20 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
}

export const between = (from: string, to: string): number => Date.parse(to) - Date.parse(from);

/** A size in decimal units: `950 B`, `1.2 MB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const step = Math.min(4, Math.floor(Math.log10(count) / 3));
  return `${(count / 1000 ** step).toFixed(1)} ${["", "kB", "MB", "GB", "TB"][step]}`;
}

/** To three digits, as what runs cost may be very little. */
export const dollars = (usd: number): string => `$${Number(usd.toPrecision(3))}`;

export const number = (value: number): string => counted.format(value);
/** Short, for a chart or a badge: `12.3K`. */
export const shortNumber = (value: number): string => compact.format(value);

/** A position in a film: `1:05`, `0:02.5`. */
export function position(seconds: number): string {
  const tenths = Math.round(seconds * 10);
  const [whole, tenth] = [Math.floor(tenths / 10), tenths % 10];
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}${tenth ? `.${tenth}` : ""}`;
}

export const plural = (count: number, noun: string): string =>
  `${counted.format(count)} ${noun}${count === 1 ? "" : "s"}`;

/** A score of a hit; words that are in few items score next to nothing. */
export const scoreText = (score: number): string =>
  score > 0 && score < 0.001 ? "< 0.001" : score.toFixed(score < 0.1 ? 4 : 2);

/** A value as one line of JSON, cut off at a length. */
export function preview(value: unknown, maxLength = 160): string {
  const text = JSON.stringify(value) ?? "";
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}
