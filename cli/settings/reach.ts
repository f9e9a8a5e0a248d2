// Fetch of the commands: under Weir's name, with a time limit, and with words for what to do where no answer comes.
import { fetchNamed } from "../../src/shapes/user-agent.ts";
import { CliError } from "../io/output.ts";
import { isLocal } from "./settings.ts";

/** Longest wait for an answer, ms. A call that may take longer brings a signal of its own. */
const ANSWER_MS = 60_000;

/**
 * Fetches from the Weir at `url`, the whole body included.
 *
 * @throws CliError where nothing listens there, or no answer comes in time
 */
export async function reach(
  url: string,
  input: string | URL | Request,
  init: RequestInit = {},
  limitMs: number = ANSWER_MS,
): Promise<Response> {
  try {
    const response = await fetchNamed(input, { signal: AbortSignal.timeout(limitMs), ...init });
    // The limit is on the body too, which is read here, where its lateness has words.
    return response.body ? new Response(await response.arrayBuffer(), response) : response;
  } catch (error) {
    return failToReach(url, error, limitMs);
  }
}

/** Turns a failed fetch into words. @throws CliError always */
export function failToReach(url: string, error: unknown, limitMs: number = ANSWER_MS): never {
  if (error instanceof DOMException && error.name === "TimeoutError") {
    const next = isLocal(url)
      ? "A handler that never ends stops all of local Weir: the terminal of `weir dev` names it."
      : "Try again; `weir doctor` looks at the deployment.";
    throw new CliError(`${url} took the request and did not answer within ${limitMs / 1000} s. ${next}`);
  }
  const next = isLocal(url)
    ? "Start `weir dev`, or give another URL with --url."
    : "Check the URL, and that Weir is deployed there.";
  throw new CliError(`Nothing answers at ${url}. ${next}`);
}
