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
  const problems = errors.map((error) =>
    problemAt(
      error.offset,
      `The text is not JSON: ${printParseErrorCode(error.error)}.`,
      "Fix the syntax at this place.",
    ),
  );
  return {
    name,
    value: tree && errors.length === 0 ? getNodeValue(tree) : undefined,
    problems,
    at: (path, problem, next) => problemAt(offsetOf(tree, path), problem, next),
  };
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
