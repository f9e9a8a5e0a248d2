// Times as people write them for a flag: a moment, or a span such as 7d, 12h or 30m.
import { SPAN_EXPECTED, spanMs } from "../../src/shapes/time-span.ts";
import { CliError } from "./output.ts";

/** A time, or a span before now. @throws CliError (exit code 2) */
export const timeOf = (flag: string, text: string, now: number): string => momentOf(flag, text, now, -1);

/** A time, or a span from now. @throws CliError (exit code 2) */
export const timeFrom = (flag: string, text: string, now: number): string => momentOf(flag, text, now, 1);

/** Whole seconds of a span. @throws CliError (exit code 2) */
export function secondsOf(flag: string, text: string): number {
  const span = spanMs(text);
  if (span !== undefined) return span / 1000;
  throw new CliError(`--${flag} "${text}" is no span: write ${SPAN_EXPECTED}`, [], 2);
}

function momentOf(flag: string, text: string, now: number, direction: 1 | -1): string {
  const span = spanMs(text);
  const moment = span === undefined ? Date.parse(text) : now + direction * span;
  if (Number.isFinite(moment)) return new Date(moment).toISOString();
  throw new CliError(`--${flag} "${text}" is neither a time nor ${SPAN_EXPECTED}`, [], 2);
}
