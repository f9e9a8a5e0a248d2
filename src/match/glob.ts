// Globs on keys: `*` and `?` stay inside a folder, `**` crosses folders, `[a-z]`, `{a,b}`, `\` escapes.
// Matching follows all possibilities at once (Thompson), so its steps are at most text × tokens.
import { checkOperand, checkStars } from "./bounds.ts";
import { FilterError } from "./error.ts";
import type { Glob, GlobToken } from "./types.ts";

const MAX_GLOBS = 64;
const SLASH = 47;
/** Kinds of tokens that may match no character, so that the next token is tried on the same one. */
const STARS: readonly (string | undefined)[] = ["star", "anything", "folders"] satisfies GlobToken["kind"][];

/** Compiles a glob; braces become alternatives, at most 64 of them. */
export function compileGlob(operand: unknown, at: string): Glob[] {
  if (typeof operand !== "string" || operand === "") {
    throw new FilterError(at, 'a glob such as "uploads/**/*.{jpg,png}"');
  }
  checkOperand(operand, at);
  return expandBraces(operand, at).map((text) => {
    const tokens = tokenise(text, at);
    checkStars(tokens.filter(({ kind }) => STARS.includes(kind)).length, at);
    const first = tokens.findIndex((token) => token.kind !== "char");
    const last = tokens.findLastIndex((token) => token.kind !== "char");
    const literal = (part: readonly GlobToken[]) =>
      part.map((token) => (token.kind === "char" ? String.fromCodePoint(token.code) : "")).join("");
    return {
      tokens,
      prefix: literal(first < 0 ? tokens : tokens.slice(0, first)),
      suffix: literal(tokens.slice(last + 1)),
      steps: tokens.reduce((sum, token) => sum + ("spans" in token ? token.spans.length : 1), 1),
    };
  });
}

/** Whether the whole text matches. `count` is called once per token tried: tests hold the work to its bound. */
export function matchesGlob(glob: Glob, text: string, count?: () => void): boolean {
  if (!text.startsWith(glob.prefix) || !text.endsWith(glob.suffix)) return false;
  const { tokens } = glob;
  const end = tokens.length;
  let now: number[] = [];
  let next: number[] = [];
  // For each state, the number of characters after which it was last added.
  const added = new Int32Array(end + 1).fill(-1);
  let read = 0;
  const add = (state: number) => {
    if (added[state] === read) return;
    added[state] = read;
    next.push(state);
  };
  const enter = (state: number) => {
    for (let i = state; ; i++) {
      add(i);
      if (!STARS.includes(tokens[i]?.kind)) return;
    }
  };
  enter(0);
  for (const char of text) {
    [now, next] = [next, now];
    next.length = 0;
    read++;
    const code = char.codePointAt(0) ?? 0;
    for (const state of now) {
      count?.();
      const token = tokens[state];
      if (token === undefined) continue;
      if (token.kind === "anything" || (token.kind === "star" && code !== SLASH)) enter(state);
      else if (token.kind === "folders") {
        add(state);
        if (code === SLASH) enter(state + 1);
      } else if (takes(token, code)) enter(state + 1);
    }
    if (next.length === 0) return false;
  }
  return added[end] === read;
}

function takes(token: GlobToken, code: number): boolean {
  if (token.kind === "char") return token.code === code;
  if (code === SLASH) return false;
  if (token.kind === "one") return true;
  if (token.kind !== "class") return false;
  return token.spans.some(([from, to]) => from <= code && code <= to) !== token.negated;
}

/** `a{b,c}` is `ab` or `ac`. Braces nest; inside brackets and after a backslash they are plain. */
function expandBraces(text: string, at: string): string[] {
  let depth = 0;
  let open = -1;
  const cuts: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === "\\") i++;
    else if (char === "[") i = classEnd(text, i, at);
    else if (char === "{" && depth++ === 0) open = i;
    else if (char === "," && depth === 1) cuts.push(i);
    else if (char === "}" && depth > 0 && --depth === 0) {
      const rest = expandBraces(text.slice(i + 1), at);
      const bounds = [open, ...cuts, i];
      const expanded = bounds.slice(1).flatMap((bound, n) => {
        const alternatives = expandBraces(text.slice((bounds[n] ?? 0) + 1, bound), at);
        return alternatives.flatMap((inner) => rest.map((tail) => text.slice(0, open) + inner + tail));
      });
      if (expanded.length > MAX_GLOBS) {
        throw new FilterError(at, `braces that come to at most ${MAX_GLOBS} alternatives`);
      }
      return expanded;
    }
  }
  if (depth > 0) throw new FilterError(at, "a closing } for every {");
  return [text];
}

function classEnd(text: string, open: number, at: string): number {
  const first = /^[!^]/.test(text.slice(open + 1)) ? open + 2 : open + 1;
  // A bracket that comes first is a member of the class.
  const end = text.indexOf("]", first + 1);
  if (end < 0) throw new FilterError(at, "a closing ] for every [");
  return end;
}

function tokenise(text: string, at: string): GlobToken[] {
  const tokens: GlobToken[] = [];
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === "*" && text[i + 1] === "*") {
      const whole = (i === 0 || text[i - 1] === "/") && text[i + 2] === "/";
      // `**/` as a whole folder name is any number of folders, none included; twice is no more than once.
      if (!whole || tokens.at(-1)?.kind !== "folders") tokens.push({ kind: whole ? "folders" : "anything" });
      i += whole ? 2 : 1;
      if (!whole && text[i + 1] === "*") throw new FilterError(at, "at most two stars in a row");
    } else if (char === "*") tokens.push({ kind: "star" });
    else if (char === "?") tokens.push({ kind: "one" });
    else if (char === "[") {
      const end = classEnd(text, i, at);
      tokens.push(classToken(text.slice(i + 1, end), at));
      i = end;
    } else {
      if (char === "\\" && ++i === text.length) throw new FilterError(at, "something after the backslash");
      const code = text.codePointAt(i) ?? 0;
      if (code > 0xffff) i++;
      tokens.push({ kind: "char", code });
    }
  }
  return tokens;
}

function classToken(body: string, at: string): GlobToken {
  const negated = /^[!^]/.test(body);
  const codes = Array.from(negated ? body.slice(1) : body, (char) => char.codePointAt(0) ?? 0);
  const spans: [number, number][] = [];
  for (let i = 0; i < codes.length; i++) {
    const from = codes[i] ?? 0;
    const isSpan = codes[i + 1] === 45 && i + 2 < codes.length;
    const to = isSpan ? (codes[i + 2] ?? 0) : from;
    if (to < from) throw new FilterError(at, "a span such as [a-z], lower end first");
    spans.push([from, to]);
    if (isSpan) i += 2;
  }
  return { kind: "class", negated, spans };
}
