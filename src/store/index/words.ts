// Words of items and of questions. Prose is stemmed by SQLite; what has no words that could be (codes, file names, scripts
// without spaces) becomes short pieces, so that any part of it is found. A question becomes an expression of quoted
// words alone: nothing that a person writes is syntax. Pure.

/** Text of one item that is indexed at most, characters, and of a question that is looked at. */
export const MAX_TEXT_CHARS = 200_000;
const MAX_QUERY_CHARS = 2_000;
/** Different words, and different codes, of one question that are looked for. */
const MAX_QUERY_WORDS = 32;
/** Letters and digits of a code or a name that are cut to pieces at most. */
const MAX_CODE_CHARS = 256;
const CODE_PIECE = 3;
const SCRIPT_PIECE = 2;
const MAX_DEPTH = 64;

/** Scripts that are written without spaces between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]+/gu;
const WORD = /[\p{L}\p{N}\p{M}\p{Co}]+/gu;
const RUN = /[^\s"'()[\]{}<>,;!?]+/gu;
/** What makes a run a code: a digit, or a mark between letters, as in `IMG_2041.JPG` and `AB-12/3`. */
const CODE = /\p{N}|[\p{L}\p{M}][_./:#@+-]+\p{L}/u;

/** A text of an item, and where it stands. */
export interface TextPlace {
  path: string;
  text: string;
}

/** An item's text as it is indexed. */
export interface IndexedText {
  prose: string;
  grams: string;
}

/** Every text of an item's data, or those below the named paths, in order, up to {@link MAX_TEXT_CHARS} in all. */
export function textsOf(data: unknown, paths?: readonly string[]): TextPlace[] {
  const found: TextPlace[] = [];
  let room = MAX_TEXT_CHARS;
  const isIncluded = (path: string) =>
    !paths || paths.some((name) => path === name || path.startsWith(`${name}.`));
  const walk = (value: unknown, path: string, named: string, depth: number): void => {
    if (typeof value === "string") {
      if (room <= 0 || value === "" || !isIncluded(named)) return;
      found.push({ path, text: value.slice(0, room) });
      room -= value.length;
    } else if (Array.isArray(value)) {
      // A place in a list is no part of a name: `words.text` names the text of every word.
      if (depth < MAX_DEPTH) value.forEach((inner, i) => void walk(inner, `${path}.${i}`, named, depth + 1));
    } else if (typeof value === "object" && value !== null && depth < MAX_DEPTH) {
      const under = (name: string, above: string) => (above === "" ? name : `${above}.${name}`);
      for (const [name, inner] of Object.entries(value))
        walk(inner, under(name, path), under(name, named), depth + 1);
    }
  };
  walk(data, "", "", 0);
  return found;
}

/** What is indexed of texts. `codes` are texts that are names as a whole, such as an object's key. */
export function indexedText(texts: readonly string[], codes: readonly string[] = []): IndexedText {
  const prose = texts.map(clean).join("\n");
  const grams = new Set<string>();
  for (const phrase of piecesOf([prose, ...codes.map(clean)].join("\n"), true)) grams.add(phrase);
  return { prose, grams: [...grams].join("\n") };
}

/** The expression that finds a person's words, or undefined where there is none to look for. */
export function matchOf(question: string): string | undefined {
  const plain = clean(question.slice(0, MAX_QUERY_CHARS));
  const words = distinct(wordsOf(plain));
  const pieces = distinct(piecesOf(plain, false));
  const parts = [
    ...(words.length > 0 ? [`{prose name} : (${words.map(quoted).join(" OR ")})`] : []),
    ...(pieces.length > 0 ? [`grams : (${pieces.map(begun).join(" OR ")})`] : []),
  ];
  return parts.length > 0 ? parts.join(" OR ") : undefined;
}

/** Words of a text in lower case. */
export const wordsOf = (text: string): string[] =>
  [...text.normalize("NFKC").toLowerCase().matchAll(WORD)].map(([word]) => word);

const distinct = (all: Iterable<string>) => [...new Set(all)].slice(0, MAX_QUERY_WORDS);
const quoted = (words: string) => `"${words}"`;
/** A single letter finds every piece that it begins. */
const begun = (pieces: string) => (/^.$/u.test(pieces) ? `${quoted(pieces)} *` : quoted(pieces));

/** Each code, and each run of a script without spaces, as its pieces in order: a phrase. */
function* piecesOf(text: string, isIndexed: boolean): Generator<string> {
  for (const [run] of text.normalize("NFKC").matchAll(RUN)) {
    const code = run.slice(0, MAX_CODE_CHARS);
    if (CODE.test(code)) {
      const letters = wordsOf(code.replace(UNSPACED, "")).join("");
      if (letters.length >= CODE_PIECE) yield cut(letters, CODE_PIECE).join(" ");
    }
  }
  for (const [run] of text.normalize("NFKC").matchAll(UNSPACED)) {
    const pieces = cut(run, SCRIPT_PIECE);
    // The last letter by itself, too: a question of one letter looks for pieces that begin with it.
    const last = [...run.slice(-2)].at(-1) ?? "";
    yield (isIndexed && pieces[0] !== last ? [...pieces, last] : pieces).join(" ");
  }
}

/** Overlapping pieces of a text; the text itself where it is no longer than one. */
function cut(text: string, length: number): string[] {
  const letters = [...text];
  const count = Math.max(1, letters.length - length + 1);
  return Array.from({ length: count }, (_, i) => letters.slice(i, i + length).join(""));
}

/** Text without characters that say nothing, and without halves of pairs, which are no text. */
const clean = (text: string): string => text.toWellFormed().replace(/\p{Cc}/gu, " ");
