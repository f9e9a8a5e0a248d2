// Who looks: the key's name and its scopes, which say what the page may offer.
import type { Caller } from "../../src/client/client.ts";
import { useAnswer } from "./queries.ts";

export type KeyScope = Caller["scopes"][number];

/** The key that this page calls with; undefined until it is known. */
export const useCaller = (): Caller | undefined =>
  useAnswer(["whoami"], (api, signal) => api.whoAmI({ signal }), { topics: ["keys"] }).data;

/** Whether a key may do what needs a scope. What may read may search. */
export const may = (caller: Caller | undefined, scope: KeyScope): boolean =>
  caller !== undefined &&
  (caller.scopes.includes(scope) || (scope === "search" && caller.scopes.includes("read")));

/** What this page's key lacks for a scope, in a sentence without its end; undefined where it lacks nothing. */
export function useLack(scope: KeyScope): string | undefined {
  const caller = useCaller();
  return caller && !may(caller, scope) ? `The key ${caller.name} may not ${scope}` : undefined;
}
