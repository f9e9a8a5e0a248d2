// The failure of a run from a value that its handler threw: its text, and the lines of the handler's own code that it
// came from. A handler may throw anything, even a value that throws when it is looked at.
import { type Failure, FailureError } from "../../src/shapes/failure.ts";

/** Most characters of a text that are kept. */
const MAX_TEXT_CHARACTERS = 1000;
const MAX_FRAMES = 8;
const FOLDER = /(?:file:\/\/)?\/[^\s()]*\//;

/** Turns a thrown value into a failure: an expected one stays as it is, any other is the handler's own. */
export function asFailure(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  const where = framesOf(error);
  return {
    kind: "handler_failed",
    detail: textOf(error).slice(0, MAX_TEXT_CHARACTERS),
    ...(where !== "" && { where: where.slice(0, MAX_TEXT_CHARACTERS) }),
  };
}

function textOf(thrown: unknown): string {
  const name = nameOf(thrown);
  try {
    if (thrown instanceof Error) return wordsOf(thrown);
    if (thrown === null || thrown === undefined) return `The handler threw ${thrown}.`;
    const text = typeof thrown === "object" ? JSON.stringify(thrown) : String(thrown);
    // A value without fields is empty as JSON, and may have a text of its own.
    return `The handler threw ${name}: ${text === "{}" ? ownText(thrown) : text}`;
  } catch {
    return `The handler threw ${name}, which has no text.`;
  }
}

/** Words of an error, with its cause and the errors that were gathered into it. */
function wordsOf(error: Error, depth = 0): string {
  const own = error.message === "" ? error.name : `${error.name}: ${error.message}`;
  if (depth >= 3) return own;
  const inner = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  const gathered = inner
    .slice(0, 5)
    .map((each) => (each instanceof Error ? wordsOf(each, depth + 1) : textOf(each)));
  const cause = error.cause instanceof Error ? ` (caused by ${wordsOf(error.cause, depth + 1)})` : "";
  return `${own}${gathered.length > 0 ? ` (${gathered.join("; ")})` : ""}${cause}`;
}

function ownText(thrown: unknown): string {
  const isOwn = typeof thrown === "object" && thrown !== null && "toString" in thrown;
  const text = isOwn ? String(thrown) : "{}";
  return text === "[object Object]" ? "{}" : text;
}

/** Names a value by its class, without calling code of the value itself. */
export function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "bigint") return "a BigInt";
  if (typeof value !== "object") return `a ${typeof value}`;
  const maker: unknown = Object.getPrototypeOf(value)?.constructor;
  const name = typeof maker === "function" && typeof maker.name === "string" ? maker.name.slice(0, 80) : "";
  if (name === "") return "an object of no class";
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
}

/** The function of run.ts that calls the handler: frames from there on are Weir's own. */
const HANDLER_CALL = "weirCallsHandler";

/** The stack's frames down to where Weir called the handler, without folders of the machine that built it. */
function framesOf(error: unknown): string {
  try {
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    const all = stack.split("\n").filter((line) => /^\s+at /.test(line));
    const call = all.findIndex((line) => line.includes(HANDLER_CALL));
    const frames = (call < 0 ? all : all.slice(0, call)).map((line) => line.replace(FOLDER, ""));
    return frames
      .slice(0, MAX_FRAMES)
      .map((line) => line.trim())
      .join("\n");
  } catch {
    return "";
  }
}
