// JSON that a person types: read with the place and a sentence of each fault, and the line of a path in it.
import {
  findNodeAtLocation,
  type Node,
  type ParseError,
  parse,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { InputFault } from "./input-fault.ts";

/** A fault of what was typed: the line that it is in, from 1, and what is expected there. */
export interface TextFault {
  line: number;
  text: string;
}

/** A table of JSON. */
export type JsonTable = Record<string, unknown>;

/** Reads a table as JSON. */
export function readTable(text: string): { table: JsonTable } | { faults: TextFault[] } {
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { disallowComments: true });
  const [first, second] = errors;
  if (first) {
    // One fault leads to others behind it, which are none; but the one behind a bare word says what belongs there.
    const isWord = printParseErrorCode(first.error) === "InvalidSymbol" && second !== undefined;
    const fault = isWord ? { ...first, error: second.error } : first;
    return { faults: [{ line: lineAt(text, first.offset), text: sentenceFor(fault, text) }] };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { faults: [{ line: 1, text: 'expected an object, as {"name": "value"}' }] };
  return { table: value as JsonTable };
}

/** The table of a field of a form. @throws InputFault with the line and what is expected there */
export function tableIn(text: string, field: string): JsonTable {
  const found = readTable(text);
  if ("table" in found) return found.table;
  const [{ line, text: expected } = { line: 1, text: "" }] = found.faults;
  throw new InputFault(`${field} is not JSON yet: line ${line}, ${expected}.`);
}

const SENTENCES: Record<string, string> = {
  PropertyNameExpected: "expected a name in double quotes",
  ValueExpected: "expected a value: text in double quotes, a number, true, false, null, a list or an object",
  ColonExpected: "expected a colon between the name and its value",
  CommaExpected: "expected a comma before this",
  CloseBraceExpected: "expected a closing brace }",
  CloseBracketExpected: "expected a closing bracket ]",
  EndOfFileExpected: "expected nothing more here",
  InvalidCommentToken: "expected no comment: JSON has none",
  UnexpectedEndOfString: "expected the closing double quote of this text",
  InvalidEscapeCharacter: 'expected a backslash only before " \\ / b f n r t or u',
  InvalidNumberFormat: "expected a number, as 12 or 0.5",
};

function sentenceFor({ error, offset, length }: ParseError, text: string): string {
  const found = text.slice(offset, offset + Math.max(length, 1)).trim();
  const sentence = SENTENCES[printParseErrorCode(error)] ?? "expected JSON";
  return found ? `${sentence}, found ${found.slice(0, 30)}` : `${sentence}, found the end`;
}

/** The line in which a path of a table begins, `key[0].prefix`: of its deepest part that is there. */
export function lineOf(text: string, path: string): number {
  const tree = parseTree(text);
  const steps = stepsOf(path);
  for (let count = steps.length; tree && count > 0; count--) {
    const node = nodeAt(tree, steps.slice(0, count));
    if (node) return lineAt(text, (node.parent?.type === "property" ? node.parent : node).offset);
  }
  return 1;
}

/** Names may hold dots: the longest name that is there is taken. */
function nodeAt(tree: Node, steps: readonly (string | number)[]): Node | undefined {
  if (steps.length === 0) return tree;
  for (let count = steps.length; count > 0; count--) {
    const first = steps.slice(0, count);
    const name = count === 1 ? (first[0] ?? "") : first.join(".");
    const node = findNodeAtLocation(tree, [name]);
    const found = node && nodeAt(node, steps.slice(count));
    if (found) return found;
  }
  return undefined;
}

const stepsOf = (path: string): (string | number)[] =>
  [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([step, index]) =>
    index === undefined ? step : Number(index),
  );

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length;
