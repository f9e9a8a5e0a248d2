// Output of every command: data on stdout, everything else on stderr, colours only at a terminal. Object keys, failures
// and logs come from outside, so characters that would control the terminal are written as escapes.
import { randomBytes } from "node:crypto";
import { styleText } from "node:util";
import type { Problem } from "./json-file.ts";

/**
 * Exit codes: 1 failed, 2 wrong usage, 3 not authenticated, 4 not found, 5 measured and below what is due. Interrupted,
 * 130, is in interrupt.ts.
 */
export type ExitCode = 1 | 2 | 3 | 4 | 5;

/** Expected failure, printed without a stack. The message is a sentence: what is wrong, where, and what to do next. */
export class CliError extends Error {
  readonly problems: Problem[];
  readonly code: ExitCode;
  constructor(message: string, problems: Problem[] = [], code: ExitCode = 1) {
    super(message);
    this.name = "CliError";
    this.problems = problems;
    this.code = code;
  }
}

type Format = Parameters<typeof styleText>[0];

/** Characters that are escaped: controls except \n and \t, changes of text direction, Unicode line separators. */
const COMMANDING = /[^\n\t\P{Cc}]|\p{Bidi_Control}|[\u2028\u2029]/gu;

/** Escapes what would control a terminal: ESC becomes `\u001b`, which JSON reads as the same character. */
export const visible = (text: string): string =>
  text.replace(COMMANDING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Placeholder for ESC in our own colours until they are written. Random, so that no other text contains it. */
const OWN_ESCAPE = `\u{10fffd}${randomBytes(8).toString("hex")}`;

/** Text with a style, unless NO_COLOR is set or stderr is no terminal. */
const styled = (format: Format, text: string) =>
  styleText(format, visible(text), { stream: process.stderr }).replaceAll("\u001b", OWN_ESCAPE);

const write = (stream: NodeJS.WriteStream, text: string) =>
  void stream.write(`${visible(text).replaceAll(OWN_ESCAPE, "\u001b")}\n`);

export const say = (text: string) => write(process.stderr, text);
export const note = (text: string) => say(styled("dim", text));
export const good = (text: string) => say(`${styled("green", "✓")} ${text}`);
export const bad = (text: string) => say(`${styled("red", "✗")} ${text}`);
export const print = (text: string) => write(process.stdout, text);
export const printJson = (value: unknown) => print(JSON.stringify(value, null, 2));

/** Problem as `file:line:column  what is wrong` with the advice on the next line. */
export function problemText(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  const next = problem.next ? `\n    ${styled("dim", `→ ${problem.next}`)}` : "";
  return `  ${styled("cyan", place)}  ${problem.problem}${next}`;
}

export function reportError(error: CliError): void {
  bad(error.message);
  for (const problem of error.problems) say(problemText(problem));
}

/** Lays rows out in columns; the first row is the header. */
export function table(cells: string[][]): string {
  // A cell is one line, whatever is in it.
  const rows = cells.map((row) => row.map((cell) => visible(cell.replaceAll("\n", "\\n"))));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
}
