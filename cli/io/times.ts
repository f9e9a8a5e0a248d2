// Values of time options: a moment such as 2026-01-31T12:00:00Z, or a span such as 7d, 12h or 30m.
import { SPAN_EXPECTED, spanMs } from "../../src/shapes/time-span.ts";
import { CliError } from "./output.ts";

/** Moment of an option: a time, or a span before now. @throws CliError (exit code 2) */
export const timeOf = (flag: string, text: string, now: number): string => momentOf(flag, text, now, -1);

/** Moment of an option: a time, or a span from now. @throws CliError (exit code 2) */
export const timeFrom = (flag: string, text: string, now: number): string => momentOf(flag, text, now, 1);

/** Length of a span, in seconds. @throws CliError (exit code 2) */
export function secondsOf(flag: string, text: string): number {
  const span = spanMs(text);
  if (span !== undefined) return span / 1000;
  throw new CliError(`The value "${text}" of --${flag} is no span. Write ${SPAN_EXPECTED}.`, [], 2);
}

function momentOf(flag: string, text: string, now: number, direction: 1 | -1): string {
  const span = spanMs(text);
  const moment = span === undefined ? Date.parse(text) : now + direction * span;
  if (Number.isFinite(moment)) return new Date(moment).toISOString();
  throw new CliError(`The value "${text}" of --${flag} is neither a time nor ${SPAN_EXPECTED}.`, [], 2);
}
