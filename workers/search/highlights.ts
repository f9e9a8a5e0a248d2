// The words of a question where they stand in an item's text: short pieces of plain text, and the places of the words in
// them. Never markup: who shows it marks it up. Pure.
import type { SearchHit } from "../../src/shapes/search.ts";
import { textsOf, wordsOf } from "../../src/store/index/words.ts";

const MAX_PIECES = 3;
const PIECE_CHARS = 160;
const BEFORE_CHARS = 40;
/** Text of one item that is looked through, characters. */
const MAX_CHARS = 50_000;
const WORD = /[\p{L}\p{N}\p{M}]+/gu;
/** Endings that stemming takes away; what is left of a word must be this long. */
const ENDING = /(?:ies|ing|edly|ed|es|ly|er|s|y|e)$/;
const MIN_STEM_CHARS = 3;

/** Pieces of an item's text with the words of a question; the same stems count as the same words. */
export function highlightsOf(data: unknown, question: string): SearchHit["highlights"] {
  const stems = stemsOf(question);
  const found: SearchHit["highlights"] = [];
  if (stems.size === 0) return found;
  let room = MAX_CHARS;
  for (const { path, text } of textsOf(data)) {
    if (found.length >= MAX_PIECES || room <= 0) break;
    const looked = text.slice(0, room);
    room -= looked.length;
    const places = marksIn(looked, stems);
    const [first] = places;
    if (!first) continue;
    const from = Math.max(0, first[0] - BEFORE_CHARS);
    const piece = looked.slice(from, from + PIECE_CHARS).toWellFormed();
    const marks = places
      .map(([start, end]): [number, number] => [start - from, end - from])
      .filter(([, end]) => end <= piece.length);
    found.push({ path, text: piece, marks });
  }
  return found;
}

/** What is left of each word of a text without its ending. */
export const stemsOf = (text: string): Set<string> => new Set(wordsOf(text).map(stemOf));

function marksIn(text: string, stems: ReadonlySet<string>): [number, number][] {
  const marks: [number, number][] = [];
  for (const match of text.matchAll(WORD)) {
    const word = match[0];
    if (wordsOf(word).some((part) => isAlike(part, stems)))
      marks.push([match.index, match.index + word.length]);
    if (marks.length >= 50) break;
  }
  return marks;
}

const isAlike = (word: string, stems: ReadonlySet<string>) =>
  stems.has(stemOf(word)) || (/[^\p{ASCII}]/u.test(word) && [...stems].some((stem) => word.includes(stem)));

/** About what porter's stemmer leaves of a word: enough to mark it. */
function stemOf(word: string): string {
  const stem = word.replace(ENDING, "").replace(/([b-df-hj-np-tv-z])\1$/, "$1");
  return stem.length >= MIN_STEM_CHARS ? stem : word;
}
