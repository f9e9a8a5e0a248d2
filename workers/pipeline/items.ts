// Turns what a handler returned into items that can be stored: JSON text, and the vectors taken out of it. Pure.
// A value that cannot be stored faithfully is refused with its place, never silently changed.
import { Buffer } from "node:buffer";
import { type Failure, FailureError } from "../../src/shapes/failure.ts";
import type { NewItem, Vector } from "../../src/shapes/item.ts";
import { provenanceOf } from "./context.ts";
import { nameOf } from "./failure.ts";

/** Most bytes of one item: a D1 row holds 2 MB, and the item's other columns need some of it. */
export const MAX_ITEM_BYTES = 1_500_000;
export const MAX_ITEMS = 100_000;
const MAX_DEPTH = 64;
/** Most bytes of a result, four for each number of a vector: all its items are in memory while they are stored. */
export const MAX_RESULT_BYTES = 64_000_000;
/** Most bytes of an invocation's items: one answer of a Worker to another holds them, and they are parsed there. */
export const MAX_ANSWER_BYTES = 16_000_000;
/** Longest form of a vector's number in JSON, with its comma. */
const JSON_NUMBER_BYTES = 24;

/**
 * Collects items from an array, an iterable, an async iterable or a single object. A result of an invocation
 * (`isInvoked`) that is too large to be answered is refused before anything is stored.
 * @throws FailureError `invalid_return`, naming the place: `items[3].score is NaN.`
 */
export async function collectItems(returned: unknown, isInvoked = false): Promise<NewItem[]> {
  const items: NewItem[] = [];
  let bytes = 0;
  for await (const value of sequence(returned)) {
    if (items.length >= MAX_ITEMS) throw invalid(`The handler returned more than ${MAX_ITEMS} items.`);
    const item = itemOf(value, `items[${items.length}]`);
    bytes += sizeOf(item, Float32Array.BYTES_PER_ELEMENT);
    if (bytes > MAX_RESULT_BYTES)
      throw tooMuch(`The first ${items.length + 1} items`, bytes, MAX_RESULT_BYTES);
    items.push(item);
  }
  if (isInvoked) checkAnswer(items);
  return items;
}

function checkAnswer(items: readonly NewItem[]): void {
  const bytes = items.reduce((sum, item) => sum + sizeOf(item, JSON_NUMBER_BYTES), 0);
  if (bytes > MAX_ANSWER_BYTES) throw tooMuch(`The ${items.length} items`, bytes, MAX_ANSWER_BYTES);
}

const sizeOf = ({ data, vectors }: NewItem, number: number) =>
  Buffer.byteLength(data) + vectors.reduce((sum, { values }) => sum + values.length * number, 0);

function tooMuch(what: string, bytes: number, limit: number): FailureError {
  return new FailureError({
    kind: "invalid_return",
    detail: `${what} are ${bytes} bytes together.`,
    expected: `at most ${limit} bytes in one result`,
    next: "Return less of each object, or keep the bulk in a bucket and return its key.",
  });
}

function sequence(returned: unknown): Iterable<unknown> | AsyncIterable<unknown> {
  if (typeof returned === "object" && returned !== null && !ArrayBuffer.isView(returned)) {
    if (Symbol.asyncIterator in returned) return returned as AsyncIterable<unknown>;
    if (Symbol.iterator in returned) return returned as Iterable<unknown>;
    return [returned];
  }
  throw invalid(`The handler returned ${nameOf(returned)}.`);
}

function itemOf(value: unknown, where: string): NewItem {
  if (!isPlain(value)) throw unstorable(where, value);
  const vectors: Vector[] = [];
  const data = JSON.stringify(plain(value, { path: "", where }, new Set(), vectors));
  const bytes = new TextEncoder().encode(data).length;
  if (bytes > MAX_ITEM_BYTES) {
    throw new FailureError({
      kind: "invalid_return",
      detail: `${where} is ${bytes} bytes of JSON.`,
      where,
      expected: `at most ${MAX_ITEM_BYTES} bytes an item`,
      next: "Return it as several items, or keep the bulk in a bucket and return its key.",
    });
  }
  return { data, vectors };
}

/** A place in an item: `path` as vectors are stored by (`a.0.b`), `where` as a person writes it (`items[3].a[0].b`). */
interface Place {
  path: string;
  where: string;
}

/** Copies a value as JSON can hold it. Vectors are replaced by null and collected with their paths. */
function plain(value: unknown, { path, where }: Place, above: Set<object>, vectors: Vector[]): unknown {
  if (value instanceof Float32Array) {
    if (value.length === 0) throw invalid(`${where} is an empty vector.`, where);
    const bad = value.findIndex((each) => !Number.isFinite(each));
    if (bad >= 0) throw invalid(`${where}[${bad}] is ${value[bad]}.`, `${where}[${bad}]`);
    vectors.push({ path, values: value, ...provenanceOf(value) });
    return null;
  }
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw invalid(`${where} is ${value}.`, where);
    return value;
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw invalid(`${where} is an invalid date.`, where);
    return value.toISOString();
  }
  if (!Array.isArray(value) && !isPlain(value)) throw unstorable(where, value);
  if (above.has(value)) throw invalid(`${where} contains itself.`, where);
  if (above.size >= MAX_DEPTH) throw invalid(`${where} is nested deeper than ${MAX_DEPTH} levels.`, where);
  above.add(value);
  const inner = (member: unknown, name: string, suffix: string) =>
    plain(
      member,
      { path: path === "" ? name : `${path}.${name}`, where: `${where}${suffix}` },
      above,
      vectors,
    );
  const copy = Array.isArray(value)
    ? Array.from(value, (element, index) => inner(element, String(index), `[${index}]`))
    : Object.fromEntries(
        // As JSON does, a member that is undefined counts as absent.
        Object.entries(value)
          .filter(([, member]) => member !== undefined)
          .map(([name, member]) => [name, inner(member, name, memberOf(name))]),
      );
  above.delete(value);
  return copy;
}

const memberOf = (name: string) =>
  /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name.slice(0, 100))}]`;

/** Whether a value is an object as JSON has them, and no instance of a class: its fields alone would say too little. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** Advice for values that are often returned by mistake, by their class. */
const ADVICE: Record<string, string> = {
  Promise: "Put `await` before the call that it comes from.",
  URL: "Return its `href`.",
  Error: "Return its `message`, or throw it.",
  RegExp: "Return its `source`.",
  Map: "Return `Object.fromEntries(map)`.",
  Set: "Return `[...set]`.",
  BigInt: "Return it as a number or as text.",
  Headers: "Return `Object.fromEntries(headers)`.",
  Response: "Return what it holds: `await response.json()`.",
  Uint8Array: "Keep bytes in a bucket and return their key.",
  ArrayBuffer: "Keep bytes in a bucket and return their key.",
};

function unstorable(where: string, value: unknown): FailureError {
  const name = nameOf(value);
  const kind = value instanceof Error ? "Error" : name.replace(/^an? /, "");
  const next = Object.hasOwn(ADVICE, kind)
    ? ADVICE[kind]
    : typeof value === "object"
      ? "Return a plain object of what should be stored, such as `{ ...value }`."
      : undefined;
  return invalid(`${where} is ${name}.`, where, next);
}

function invalid(detail: string, where?: string, next?: string): FailureError {
  const failure: Failure = {
    kind: "invalid_return",
    detail,
    ...(where !== undefined && { where }),
    expected: "an array, an iterable or a single object, of JSON objects (vectors as Float32Array)",
    next: `${next ?? "Change what the handler returns."} Then redrive the dead letter.`,
  };
  return new FailureError(failure);
}
