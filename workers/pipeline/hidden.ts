// Secrets kept out of what is told: a handler may print what it knows, or throw it, and logs and failures are kept
// and read by many. Every value that this Worker holds is struck out of them, and what signs a URL. What a handler
// returns is its own: items are stored as they are.
import { inspect } from "node:util";
import type { Outcome } from "./outcome.ts";

export type Hide = (text: string) => string;

const STRUCK = "***";
/** What is shorter is found in ordinary words. */
const SHORTEST = 8;
/** What makes a URL a capability: Weir's own, and S3's. */
const SIGNATURES = /([?&](?:signature|x-amz-signature|x-amz-security-token)=)[^&\s"'<>\\]+/gi;

/** Strikes values out of a text, as they are and as JSON or a URL writes them, also where the text ends within one. */
export function hiding(values: readonly string[]): Hide {
  const written = values
    .filter((value) => value.length >= SHORTEST)
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]);
  // The longest first: one value may be the beginning of another.
  const all = [...new Set(written)].sort((a, b) => b.length - a.length);
  return (text) => {
    let told = text.replace(SIGNATURES, `$1${STRUCK}`);
    for (const value of all) told = told.replaceAll(value, STRUCK);
    for (const value of all) {
      const cut = lastPart(told, value);
      if (cut > 0) told = told.slice(0, -cut) + STRUCK;
    }
    return told;
  };
}

/** How many of a value's first characters a text ends with; 0 where they are too few to tell. */
function lastPart(text: string, value: string): number {
  for (let length = value.length - 1; length >= SHORTEST; length--)
    if (text.endsWith(value.slice(0, length))) return length;
  return 0;
}

/** An outcome with nothing in its log and its failure that should not be told. */
export function hidden(outcome: Outcome, hide: Hide): Outcome {
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

let quiet = false;

/** From now on, what this isolate writes to its console is told without them, too. Once is enough. */
export function hideInConsole(hide: Hide): void {
  if (quiet) return;
  quiet = true;
  const told = (part: unknown): unknown => {
    if (typeof part === "string") return hide(part);
    if (typeof part !== "object" || part === null) return part;
    const text = inspect(part);
    const clean = hide(text);
    return clean === text ? part : clean;
  };
  for (const name of ["debug", "log", "info", "warn", "error", "trace"] as const) {
    const say = console[name].bind(console);
    console[name] = (...parts: unknown[]) => say(...parts.map(told));
  }
}
