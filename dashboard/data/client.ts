// The page's client of the API: the typed client (src/client) with this page's key, and refusals in one sentence.
import { computed } from "@preact/signals";
import { type Problem, WeirClient, WeirError } from "../../src/client/client.ts";
import { InputFault } from "./input-fault.ts";
import { key } from "./session.ts";

const ANSWER_TIMEOUT_MS = 15_000;
/** For a call that waits for a handler or brings a file. */
const LONG_TIMEOUT_MS = 600_000;

/** No answer came at all. */
class Unreachable extends Error {
  constructor() {
    super("Weir does not answer. Is it running? The page goes on trying.");
  }
}

const send: typeof fetch = async (input, init) => {
  const patience = AbortSignal.timeout(isLong(input, init) ? LONG_TIMEOUT_MS : ANSWER_TIMEOUT_MS);
  const signal = init?.signal ? AbortSignal.any([init.signal, patience]) : patience;
  try {
    return await fetch(input, { ...init, signal });
  } catch (error) {
    if (init?.signal?.aborted) throw error;
    throw new Unreachable();
  }
};

const isLong = (input: Parameters<typeof fetch>[0], init?: RequestInit): boolean =>
  init?.method === "PUT" || String(input).includes("/invoke");

const client = computed(() => new WeirClient({ url: location.origin, key: key.value ?? "", fetch: send }));

/** The client with the key of now. */
export const api = (): WeirClient => client.value;

/** Status of a refused call; 0 stands for no answer at all, undefined for a fault of the page. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof WeirError ? error.status : error instanceof Unreachable ? 0 : undefined;

/** What Weir said of a refused call, as RFC 9457 has it; undefined where it said nothing. */
export const problemOf = (error: unknown): Problem | undefined =>
  error instanceof WeirError ? error.problem : undefined;

/** What a call was answered with beside its status of failure, where that is JSON. */
export function answerOf<T>(error: unknown): T | undefined {
  if (!(error instanceof WeirError)) return undefined;
  try {
    return JSON.parse(error.text) as T;
  } catch {
    return undefined;
  }
}

/** A refusal in a sentence, with what to do next. */
export function sentenceOf(error: unknown): string {
  const problem = problemOf(error);
  if (problem) {
    const detail = problem.detail.replace(/\.$/, "");
    return problem.next ? `${detail}. Next: ${problem.next}` : `${detail}.`;
  }
  if (error instanceof WeirError) return `HTTP ${error.status} from something before Weir.`;
  if (error instanceof InputFault) return error.message;
  return error instanceof Unreachable ? error.message : `This page is at fault: ${error}`;
}
