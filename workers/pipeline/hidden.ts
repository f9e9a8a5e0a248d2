// Secrets kept out of logs and failures, which are stored and read by many: a handler may print or throw what it knows.
// Every secret value of this Worker and every URL signature is masked in them. Items are stored as the handler
// returned them.
import { inspect } from "node:util";
import type { RunOutcome } from "./outcome.ts";

export type Hide = (text: string) => string;

const MASK = "***";
/** A shorter value occurs in ordinary words, and is not masked. */
const MIN_SECRET_CHARACTERS = 8;
/** Query parameters that make a URL a capability: Weir's own and those of S3. */
const SIGNATURES = /([?&](?:signature|x-amz-signature|x-amz-security-token)=)[^&\s"'<>\\]+/gi;

/** Makes a function that masks values in a text: plain, as JSON or as a URL writes them, and cut off at its end. */
export function hiding(values: readonly string[]): Hide {
  const written = values
    .filter((value) => value.length >= MIN_SECRET_CHARACTERS)
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]);
  // The longest first: one value may be the beginning of another.
  const all = [...new Set(written)].sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text.replace(SIGNATURES, `$1${MASK}`);
    for (const value of all) clean = clean.replaceAll(value, MASK);
    for (const value of all) {
      const cut = lastPart(clean, value);
      if (cut > 0) clean = clean.slice(0, -cut) + MASK;
    }
    return clean;
  };
}

/** Number of a value's first characters that a text ends with; 0 where they are too few to be sure. */
function lastPart(text: string, value: string): number {
  for (let length = value.length - 1; length >= MIN_SECRET_CHARACTERS; length--)
    if (text.endsWith(value.slice(0, length))) return length;
  return 0;
}

/** An outcome with the secrets in its log and its failure masked. */
export function hidden(outcome: RunOutcome, hide: Hide): RunOutcome {
  const log = outcome.log.map(hide);
  if (outcome.status !== "failed") return { ...outcome, log };
  const { detail, where, expected, next, ...rest } = outcome.failure;
  const failure = {
    ...rest,
    detail: hide(detail),
    ...(where !== undefined && { where: hide(where) }),
    ...(expected !== undefined && { expected: hide(expected) }),
    ...(next !== undefined && { next: hide(next) }),
  };
  return { ...outcome, failure, log };
}

let isConsoleHidden = false;

/** Masks secrets in all that this isolate writes to its console from now on. Once is enough. */
export function hideInConsole(hide: Hide): void {
  if (isConsoleHidden) return;
  isConsoleHidden = true;
  const withoutSecrets = (part: unknown): unknown => {
    if (typeof part === "string") return hide(part);
    if (typeof part !== "object" || part === null) return part;
    const text = inspect(part);
    const clean = hide(text);
    return clean === text ? part : clean;
  };
  for (const name of ["debug", "log", "info", "warn", "error", "trace"] as const) {
    const write = console[name].bind(console);
    console[name] = (...parts: unknown[]) => write(...parts.map(withoutSecrets));
  }
}
