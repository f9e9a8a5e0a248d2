// What stands where an answer is on its way, was refused, or is here.
import type { ComponentChildren } from "preact";
import { sentenceOf, statusOf } from "../data/client.ts";
import { Empty } from "./basics.tsx";

interface AnsweredProps<T> {
  of: { data: T | undefined; error: Error | null };
  children: (answer: T) => ComponentChildren;
}

/** Draws an answer; while there is none, that it is awaited or why it was refused. An old answer stays over a failure. */
export function Answered<T>({ of: { data, error }, children }: AnsweredProps<T>) {
  if (data !== undefined) return <>{children(data)}</>;
  if (error && statusOf(error) !== 0) return <Empty>{sentenceOf(error)}</Empty>;
  return <div class="awaited" role="progressbar" aria-label="On its way" />;
}
