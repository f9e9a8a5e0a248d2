// Commands `weir archive`: retention and size of each connection's events, and deletions of expired data.
import type { z } from "@hono/zod-openapi";
import type * as answers from "../../src/http/operate/answers.ts";
import { note, print, printJson, table } from "../io/output.ts";
import { openClient } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";
import { sizeText } from "./replay-text.ts";

type ArchiveStatus = z.infer<typeof answers.archiveSchema>;
type ExpiredBatch = z.infer<typeof answers.expirySchema>;

/** Prints the retention of each connection, and how much the log holds of it. */
export async function showArchive(root: string, flags: OperatorFlags): Promise<void> {
  const { data, moving } = await openClient(root, flags).get<ArchiveStatus>("/v1/archive");
  if (flags.json) return printJson({ data, moving });
  if (moving) note(moveText(moving));
  const rows = data.map(({ connection, hot_days, archive_days, log }) => [
    connection,
    `${hot_days + archive_days} d, runs in lists for 30 d`,
    log.events === 0 ? "none yet" : `${log.events} events, ${sizeText(log.bytes)}`,
    log.oldest ?? "",
  ]);
  print(table([["connection", "kept", "in whole days of the log", "oldest"], ...rows]));
}

/** How far the move of the ledger of the release before has come. */
export function moveText({ events, of, held, missing }: NonNullable<ArchiveStatus["moving"]>): string {
  const progress = `The ledger of the release before is being moved: ${events} of ${of} events`;
  const waiting = held ? "; new events wait until what runs is there" : "";
  return `${progress}${waiting}${missing > 0 ? `; ${missing} objects of its archive are lost` : ""}.`;
}

/** Prints deletions of expired data, by day. */
export async function listExpired(root: string, flags: OperatorFlags & { limit: number }): Promise<void> {
  const data = await openClient(root, flags).list<ExpiredBatch>("/v1/archive/expired", flags.limit);
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("Nothing has expired.");
  const rows = data.map(({ day, what, connection, count, runs, oldest, newest }) => [
    day,
    what,
    connection ?? "",
    runs > 0 ? `${count} with ${runs} runs` : String(count),
    `${oldest ?? ""} to ${newest ?? ""}`,
  ]);
  print(table([["day", "what", "connection", "how many", "from"], ...rows]));
}
