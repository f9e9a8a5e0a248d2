// From what a handler returned to items that can be stored: JSON text, and vectors taken out of it. Pure.
// Whatever cannot be stored faithfully is refused with its place, never silently changed.
import { Buffer } from "node:buffer";
import { type Failure, FailureError } from "../../src/shapes/failure.ts";
import type { NewItem, Vector } from "../../src/shapes/item.ts";
import { provenanceOf } from "./context.ts";

/** A D1 row holds 2 MB; some of it is not ours. */
export const MAX_ITEM_BYTES = 1_500_000;
export const MAX_ITEMS = 100_000;
const MAX_DEPTH = 64;
/** Items of one result together, vectors as four bytes a number: they are in memory while they are stored. */
export const MAX_RESULT_BYTES = 64_000_000;
/** Items of an invocation, as its caller gets them: what one answer of a Worker to another may hold, and be parsed. */
export const MAX_ANSWER_BYTES = 16_000_000;
/** A number of a vector in JSON, at most, with its comma. */
const JSON_NUMBER_BYTES = 24;

/**
 * Takes an array, an iterable, an async iterable or a single object. What was invoked is refused, before anything
 * is stored, where it could not be answered.
 * @throws FailureError `invalid_return`, naming the item and the path.
 */
export async function collectItems(returned: unknown, isInvoked = false): Promise<NewItem[]> {
  const items: NewItem[] = [];
  let bytes = 0;
  for await (const value of sequence(returned)) {
    if (items.length >= MAX_ITEMS) throw invalid(`more than ${MAX_ITEMS} items`, "");
    const item = itemOf(value, `[${items.length}]`);
    bytes += bytesOf(item, Float32Array.BYTES_PER_ELEMENT);
    if (bytes > MAX_RESULT_BYTES)
      throw tooMuch(`the first ${items.length + 1} items`, bytes, MAX_RESULT_BYTES);
    items.push(item);
  }
  if (isInvoked) checkAnswer(items);
  return items;
}

function checkAnswer(items: readonly NewItem[]): void {
  const bytes = items.reduce((sum, item) => sum + bytesOf(item, JSON_NUMBER_BYTES), 0);
  if (bytes > MAX_ANSWER_BYTES) throw tooMuch(`the ${items.length} items`, bytes, MAX_ANSWER_BYTES);
}

const bytesOf = ({ data, vectors }: NewItem, number: number) =>
  Buffer.byteLength(data) + vectors.reduce((sum, { values }) => sum + values.length * number, 0);

function tooMuch(what: string, bytes: number, most: number): FailureError {
  return new FailureError({
    kind: "invalid_return",
    detail: `${what} are ${bytes} bytes together`,
    expected: `at most ${most} bytes in one result`,
    next: "return less of each object, or keep the bulk in a bucket and return its key",
  });
}

function sequence(returned: unknown): Iterable<unknown> | AsyncIterable<unknown> {
  if (typeof returned === "object" && returned !== null && !ArrayBuffer.isView(returned)) {
    if (Symbol.asyncIterator in returned) return returned as AsyncIterable<unknown>;
    if (Symbol.iterator in returned) return returned as Iterable<unknown>;
    return [returned];
  }
  throw invalid(`the handler returned ${nameOf(returned)}`, "");
}

function itemOf(value: unknown, where: string): NewItem {
  if (!isPlain(value)) throw invalid(`an item is ${nameOf(value)}`, where);
  const vectors: Vector[] = [];
  const data = JSON.stringify(plain(value, "", new Set(), vectors, where));
  const bytes = new TextEncoder().encode(data).length;
  if (bytes > MAX_ITEM_BYTES) {
    throw new FailureError({
      kind: "invalid_return",
      detail: `an item is ${bytes} bytes of JSON`,
      where,
      expected: `at most ${MAX_ITEM_BYTES} bytes an item`,
      next: "return it as several items, or keep the bulk in a bucket and return its key",
    });
  }
  return { data, vectors };
}

/** A copy that is surely JSON. Vectors are replaced by null and collected with their path. */
function plain(value: unknown, path: string, above: Set<object>, vectors: Vector[], item: string): unknown {
  const where = path === "" ? item : `${item}.${path}`;
  if (value instanceof Float32Array) {
    if (value.length === 0) throw invalid("a vector is empty", where);
    if (!value.every(Number.isFinite)) throw invalid("a vector holds NaN or infinity", where);
    vectors.push({ path, values: value, ...provenanceOf(value) });
    return null;
  }
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw invalid(`a number is ${value}`, where);
    return value;
  }
  if (typeof value !== "object") throw invalid(`a value is ${nameOf(value)}`, where);
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? refuse("an invalid date", where) : value.toISOString();
  if (above.has(value)) throw invalid("the value contains itself", where);
  if (above.size >= MAX_DEPTH) throw invalid(`nested deeper than ${MAX_DEPTH} levels`, where);
  above.add(value);
  const copy = Array.isArray(value)
    ? value.map((element, at) => plain(element, join(path, String(at)), above, vectors, item))
    : Object.fromEntries(
        entriesOf(value, where).map(([name, member]) => [
          name,
          plain(member, join(path, name), above, vectors, item),
        ]),
      );
  above.delete(value);
  return copy;
}

/** As JSON does, a member that is undefined counts as absent. */
function entriesOf(value: object, where: string): [string, unknown][] {
  if (
    value instanceof Map ||
    value instanceof Set ||
    ArrayBuffer.isView(value) ||
    value instanceof ArrayBuffer
  ) {
    throw invalid(`a value is ${nameOf(value)}`, where);
  }
  return Object.entries(value).filter(([, member]) => member !== undefined);
}

const join = (path: string, name: string) => (path === "" ? name : `${path}.${name}`);
const isPlain = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "object" || typeof value === "function")
    return `a ${value.constructor?.name ?? "object"}`;
  return typeof value === "bigint" ? "a BigInt" : `a ${typeof value}`;
}

function refuse(detail: string, where: string): never {
  throw invalid(detail, where);
}

function invalid(detail: string, where: string): FailureError {
  const failure: Failure = {
    kind: "invalid_return",
    detail,
    expected: "an array, an iterable or a single object, of JSON objects (vectors as Float32Array)",
    next: "change what the handler returns, then redrive the dead letter",
  };
  return new FailureError(where === "" ? failure : { ...failure, where });
}
