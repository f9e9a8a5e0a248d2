// Filters over items, and orders of them, as callers write them: as JSON in a body, or as text in a query. Refused where they do not compile.
import { compileItemFilter, FilterError, itemPath } from "../match/index.ts";
import { FailureError } from "../shapes/failure.ts";
import type { ItemOrder } from "../store/index/order.ts";

/** @throws FailureError `invalid` for what is no filter over items */
export function checkFilter(written: Record<string, unknown>): void {
  try {
    compileItemFilter(written);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const { message, path, expected } = error;
    const where = path === "" ? "filter" : `filter.${path}`;
    throw new FailureError({ kind: "invalid", detail: message, where, expected });
  }
}

/** A filter out of its text. @throws FailureError `invalid` */
export function readFilter(text: string): Record<string, unknown> {
  const written = parsed(text);
  if (!written)
    throw new FailureError({
      kind: "invalid",
      detail: "the filter is no JSON object",
      where: "filter",
      expected: '{"data":{"speaker":["anna"]}}, percent-encoded',
    });
  checkFilter(written);
  return written;
}

/** An order out of its text: a name of an item, with `-` before it for the other direction. @throws FailureError `invalid` */
export function readOrder(text: string): ItemOrder {
  const descending = text.startsWith("-");
  try {
    return { path: itemPath(descending ? text.slice(1) : text, "sort").text, descending };
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const { message, expected } = error;
    throw new FailureError({
      ...{ kind: "invalid", detail: message, where: "sort", expected },
      next: "name what to sort by as a filter would: object.key, -stored_at, span.start, data.title",
    });
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
