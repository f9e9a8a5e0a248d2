// Command `weir connections`: how each is set up, and what came of it last.
import { note, print, printJson, table } from "../io/output.ts";
import { openClient } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";

/** Prints connections as the running Weir has them. */
export async function listConnections(root: string, flags: OperatorFlags): Promise<void> {
  const answer = await openClient(root, flags).call((weir) => weir.listConnections());
  if (flags.json) return printJson(answer);
  if (answer.data.length === 0) return note("There are no connections.");
  const rows = answer.data.map(
    ({ id, kind, buckets, database, schemes, secrets, last_event, last_rejection }) => [
      id,
      kind,
      database ?? buckets.join(", "),
      schemes.map(({ scheme }) => scheme).join(", "),
      secrets.flatMap(({ name, is_set }) => (is_set ? [] : [name])).join(", "),
      last_event?.at ?? "",
      last_rejection ? `${last_rejection.at}: ${last_rejection.failure.detail}` : "",
    ],
  );
  print(
    table([["connection", "kind", "holds", "proven by", "not set", "last event", "last refusal"], ...rows]),
  );
}
