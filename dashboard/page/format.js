// Numbers and times as a person reads them. Pure: the present time is a parameter.

const time = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const dateTime = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/**
 * The time of day, with the date unless it is today.
 * @param {string} iso
 * @param {Date} now
 */
export function clock(iso, now) {
  const moment = new Date(iso);
  if (Number.isNaN(moment.valueOf())) return iso;
  return moment.toDateString() === now.toDateString() ? time.format(moment) : dateTime.format(moment);
}

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** @param {number} count */
export function bytes(count) {
  if (count < 1000) return `${count} B`;
  const step = Math.min(4, Math.floor(Math.log10(count) / 3));
  return `${(count / 1000 ** step).toFixed(1)} ${["", "kB", "MB", "GB", "TB"][step]}`;
}

/** To three digits, as what runs cost may be very little. @param {number} usd */
export const dollars = (usd) => `$${Number(usd.toPrecision(3))}`;

/**
 * A position in a film: `1:05`, `0:02.5`.
 * @param {number} seconds
 */
export function position(seconds) {
  const tenths = Math.round(seconds * 10);
  const [whole, tenth] = [Math.floor(tenths / 10), tenths % 10];
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}${tenth ? `.${tenth}` : ""}`;
}

/**
 * @param {number} count
 * @param {string} noun
 */
export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/**
 * @param {unknown} value
 * @param {number} [maxLength]
 */
export function preview(value, maxLength = 160) {
  const text = JSON.stringify(value) ?? "";
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}
