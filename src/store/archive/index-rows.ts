// Index rows: the compact row of an archived event that stays in the ledger and leads from the event's id, object and
// time to its segment. This file computes the names by which such a row is found.
import type { Event } from "../../shapes/event.ts";

/** The id's own bytes, in hex. */
export const hexOf = (eventId: string) => eventId.slice(4);

/** Kinds of archived events: a replay's own says least of its object; an invocation or an access says nothing. */
export const KINDS = { replay: 0, sent: 1, invoke: 2 } as const;

export const kindOf = ({ sender, type }: Pick<Event, "sender" | "type">): number => {
  if (type === "accessed") return KINDS.invoke;
  return sender === "replay" || sender === "invoke" ? KINDS[sender] : KINDS.sent;
};

export { keyHex, objectHex } from "../../shapes/event-id.ts";

/** The event of a run, by the run's own id; undefined for what is none. */
export const eventOfRun = (runId: string): string | undefined => {
  const [, hex] = /^run_([0-9a-f]{32})_/.exec(runId) ?? [];
  return hex === undefined ? undefined : `evt_${hex}`;
};
