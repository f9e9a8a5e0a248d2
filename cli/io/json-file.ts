// A JSON file that remembers where each value stands, so that a problem can be told as file:line:column.
// Neighbours: project.ts and check.ts ask it for places. Knows nothing about what the files mean.
import { readFileSync } from "node:fs";
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";

/** One thing wrong in one place, and what to do about it. */
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
  /** Tells a problem at a path into the value; the nearest existing parent when nothing stands there. */
  at(path: readonly PropertyKey[], problem: string, next?: string): Problem;
}

/** Reads a JSON file; what cannot be read or parsed becomes a problem, never an exception. */
export function readJsonFile(path: string, name: string): JsonFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    const absent = { file: name, line: 1, column: 1, problem: "the file is missing", next: `create ${name}` };
    return { name, value: undefined, problems: [absent], at: (_, problem) => ({ ...absent, problem }) };
  }
  return parseJsonFile(text, name);
}

/** As {@link readJsonFile}, for text that is already at hand. */
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
    problemAt(error.offset, `not JSON: ${printParseErrorCode(error.error)}`, "fix the syntax at this place"),
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
    // A property is told at its name, where the eye looks for it; an element at its own start.
    if (node) return node.parent?.type === "property" ? node.parent.offset : node.offset;
  }
  return tree.offset;
}
