// How the command speaks: data on stdout, everything else on stderr, colour only where it is wanted. Object keys,
// failures and logs are other people's words: what would command a terminal, or turn text around, is spelt out.
import { randomBytes } from "node:crypto";
import { styleText } from "node:util";
import type { Problem } from "./json-file.ts";

/** 1 failed, 2 used wrongly, 3 not authenticated, 4 not found. 130, interrupted, is interrupt.ts's. */
export type ExitCode = 1 | 2 | 3 | 4;

/** Expected to happen and told without a stack: what, where, and what to do next. */
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

/** Controls but line breaks and tabs; what changes the direction of text; line breaks that no terminal breaks at. */
const COMMANDING = /[^\n\t\P{Cc}]|\p{Bidi_Control}|[\u2028\u2029]/gu;

/** Text as it may be written to a terminal: `\u001b` in an escape's place, which is the same text within JSON. */
export const visible = (text: string): string =>
  text.replace(COMMANDING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Stands for the escape of our own colours until they are written: nobody else can have it in a text. */
const OWN_ESCAPE = `\u{10fffd}${randomBytes(8).toString("hex")}`;

/** styleText minds NO_COLOR and whether stderr is a terminal. */
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

/** `file:line:column  what is wrong` and, below it, what to do. */
export function problemText(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  const next = problem.next ? `\n    ${styled("dim", `→ ${problem.next}`)}` : "";
  return `  ${styled("cyan", place)}  ${problem.problem}${next}`;
}

export function reportError(error: CliError): void {
  bad(error.message);
  for (const problem of error.problems) say(problemText(problem));
}

/** Rows as columns padded to the widest cell; the first row is the head. */
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
