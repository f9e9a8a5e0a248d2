// Windows of time: `{"after": …, "before": …, "daily": ["22:00", "06:00"]}`, all UTC, half-open.
import { nearest } from "../shapes/nearest.ts";
import { FilterError } from "./error.ts";
import { inRange, instantRange } from "./range.ts";
import type { Matcher } from "./types.ts";

type Window = Extract<Matcher, { op: "window" }>;
const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

/** A window: at or after `after`, before `before`, and within the `daily` hours; each may be left out. */
export function timeWindow(entries: readonly (readonly [string, unknown])[], at: string): Window {
  let after: number | undefined;
  let before: number | undefined;
  let daily: Window["daily"];
  for (const [name, operand] of entries) {
    const here = `${at}.${name}`;
    if (name === "after") after = instant(operand, here);
    else if (name === "before") before = instant(operand, here);
    else if (name === "daily") daily = hours(operand, here);
    else throw new FilterError(here, "after, before or daily", nearest(name, ["after", "before", "daily"]));
  }
  return { op: "window", range: instantRange(after, before, at), daily };
}

/** Whether an RFC 3339 time is inside the window. */
export function inWindow(window: Window, time: string): boolean {
  const moment = Date.parse(time);
  if (Number.isNaN(moment) || !inRange(window.range, moment)) return false;
  if (window.daily === undefined) return true;
  const { from, to } = window.daily;
  const minute = Math.floor(moment / MINUTE_MS) % DAY_MINUTES;
  return from < to ? from <= minute && minute < to : from <= minute || minute < to;
}

function instant(operand: unknown, at: string): number {
  const text = typeof operand === "string" ? operand : "";
  const parsed = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : NaN;
  if (Number.isNaN(parsed)) {
    throw new FilterError(
      at,
      'a day or a time with its zone, such as "2026-11-23" or "2026-11-23T08:00:00Z"',
    );
  }
  return parsed;
}

function hours(operand: unknown, at: string): { from: number; to: number } {
  const minutes = (Array.isArray(operand) ? operand : []).map((time) => {
    const [, hour, minute] = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(String(time)) ?? [];
    return Number(hour) * 60 + Number(minute);
  });
  const [from = NaN, to = NaN] = minutes;
  if (minutes.length !== 2 || !(from < DAY_MINUTES && to <= DAY_MINUTES && from !== to)) {
    throw new FilterError(at, 'two different times of day in UTC, such as ["22:00", "06:00"]');
  }
  return { from, to };
}
