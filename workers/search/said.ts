// The second at which the words of a question are said, in an item that has its words one by one with their times. Pure.
import { stemsOf } from "./highlights.ts";

/** Timed texts of an item that are looked at. */
const MAX_SAID = 20_000;
const MAX_DEPTH = 8;
/** Words that may stand between those of a question. */
const SLACK_WORDS = 3;

interface TimedText {
  start: number;
  stems: string[];
}

/**
 * The second from which on most of a question's words are said, close together; undefined where the item has no words
 * with times.
 */
export function secondOfWords(data: Record<string, unknown>, question: string): number | undefined {
  const stems = stemsOf(question);
  const said = [...timedTexts(Object.values(data), 0)];
  let best: { second: number; found: number; length: number } | undefined;
  for (const [i, { start, stems: own }] of said.entries()) {
    if (!own.some((stem) => stems.has(stem))) continue;
    const near = said.slice(i, i + stems.size + SLACK_WORDS);
    const places = [...stems].map((stem) => near.findIndex((text) => text.stems.includes(stem)));
    const found = places.filter((place) => place >= 0).length;
    const length = Math.max(...places);
    if (!best || found > best.found || (found === best.found && length < best.length))
      best = { second: start, found, length };
  }
  return best?.second;
}

/** Objects below the item itself that have a `text` and a `start`, in order. */
function* timedTexts(values: Iterable<unknown>, depth: number): Generator<TimedText> {
  let left = MAX_SAID;
  for (const value of values) {
    if (typeof value !== "object" || value === null || left-- <= 0) continue;
    const { text, start } = value as { text?: unknown; start?: unknown };
    if (typeof text === "string" && typeof start === "number") yield { start, stems: [...stemsOf(text)] };
    else if (depth < MAX_DEPTH) yield* timedTexts(Object.values(value), depth + 1);
  }
}
