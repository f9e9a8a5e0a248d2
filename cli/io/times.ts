// Times as people write them for a flag: a moment, or a span such as 7d, 12h or 30m.
import { CliError } from "./output.ts";

const UNITS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A span in milliseconds, or undefined where the text is none. */
function spanOf(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d+)([mhd])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (UNITS[unit] ?? 0);
}

/** A time, or a span before now. @throws CliError (exit code 2) */
export const timeOf = (flag: string, text: string, now: number): string => at(flag, text, now, -1);

/** A time, or a span from now. @throws CliError (exit code 2) */
export const timeFrom = (flag: string, text: string, now: number): string => at(flag, text, now, 1);

/** Whole seconds of a span. @throws CliError (exit code 2) */
export function secondsOf(flag: string, text: string): number {
  const span = spanOf(text);
  if (span !== undefined) return span / 1000;
  throw new CliError(`--${flag} "${text}" is no span: write it as 7d, 12h or 30m`, [], 2);
}

function at(flag: string, text: string, now: number, direction: 1 | -1): string {
  const span = spanOf(text);
  const moment = span === undefined ? Date.parse(text) : now + direction * span;
  if (Number.isFinite(moment)) return new Date(moment).toISOString();
  throw new CliError(`--${flag} "${text}" is neither a time nor a span such as 7d, 12h or 30m`, [], 2);
}
