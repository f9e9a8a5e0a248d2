// JSON files with the position of every value, so that a problem can be reported as file:line:column. The readers in
// cli/project and cli/operate know what the files mean; this file does not.
import { readFileSync } from "node:fs";
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";

/** A problem at one place of a file, and what to do about it. */
export interface Problem {
  /** Relative to the project's root. */
  file: string;
  line: number;
  column: number;
  problem: string;
  next?: string;
}

export interface JsonFile {
  /** Relative to the project's root. */
  name: string;
  /** `undefined` when the file is absent or is not JSON. */
  value: unknown;
  problems: Problem[];
  /** Makes a problem at a path into the value, or at its nearest existing parent. */
  at(path: readonly PropertyKey[], problem: string, next?: string): Problem;
}

/** Reads a JSON file; what cannot be read or parsed becomes a problem, never an exception. */
export function readJsonFile(path: string, name: string): JsonFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    const absent = {
      file: name,
      line: 1,
      column: 1,
      problem: "The file is missing.",
      next: `Create ${name}.`,
    };
    return { name, value: undefined, problems: [absent], at: (_, problem) => ({ ...absent, problem }) };
  }
  return parseJsonFile(text, name);
}

/** Parses text as {@link readJsonFile} does. */
export function parseJsonFile(text: string, name: string): JsonFile {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const problemAt = (offset: number, problem: string, next?: string): Problem => {
    const before = text.slice(0, offset);
    const line = before.split("\n").length;
    const column = offset - before.lastIndexOf("\n");
    return { file: name, line, column, problem, ...(next === undefined ? {} : { next }) };
  };
  // The first error alone: those after it follow from it.
  const problems = errors.slice(0, 1).map(({ error, offset }) => {
    const { problem, next } = syntaxProblem(printParseErrorCode(error));
    return problemAt(offset, `${problem}${foundAt(text, offset)}`, next);
  });
  return {
    name,
    value: tree && errors.length === 0 ? getNodeValue(tree) : undefined,
    problems,
    at: (path, problem, next) => problemAt(offsetOf(tree, path), problem, next),
  };
}

/** What is wrong with a text that is not JSON, and what to do. */
function syntaxProblem(code: string): { problem: string; next: string } {
  switch (code) {
    case "InvalidCommentToken":
      return {
        problem: "JSON has no comments",
        next: "Remove the comment; README.md of the folder takes it.",
      };
    case "PropertyNameExpected":
      return { problem: "The name of a field is expected here", next: 'Write "name": value, with quotes.' };
    case "ValueExpected":
      return { problem: "A value is expected here", next: "Write one, or remove the comma before it." };
    case "ColonExpected":
      return { problem: "A colon is expected here, after the name", next: 'Write "name": value.' };
    case "CommaExpected":
      return { problem: "A comma is expected here", next: "Write one after the value before." };
    case "CloseBraceExpected":
      return { problem: "The object has no end", next: "Write } where it ends." };
    case "CloseBracketExpected":
      return { problem: "The list has no end", next: "Write ] where it ends." };
    case "EndOfFileExpected":
      return { problem: "The text goes on after its end", next: "Remove what is too much." };
    case "UnexpectedEndOfString":
      return { problem: "The text in quotes has no end", next: 'Write " where it ends.' };
    default:
      return { problem: "This is no JSON", next: "Mend the syntax at this place." };
  }
}

/** Text `, and not }` for what stands at a place; never more than a character, since it may be of a secret. */
function foundAt(text: string, offset: number): string {
  const char = text.slice(offset).trimStart()[0];
  if (char === "/") return ".";
  return char === undefined ? "; the file ends." : `, where ${char} stands.`;
}

function offsetOf(tree: Node | undefined, path: readonly PropertyKey[]): number {
  if (!tree) return 0;
  const steps = path.map((step) => (typeof step === "number" ? step : String(step)));
  for (let length = steps.length; length > 0; length--) {
    const node = findNodeAtLocation(tree, steps.slice(0, length));
    // The place of a property is its name, where a reader looks; the place of an element is its start.
    if (node) return node.parent?.type === "property" ? node.parent.offset : node.offset;
  }
  return tree.offset;
}
