// `weir archive …`: what is kept of each connection's events and for how long, and what has expired.
import type { z } from "@hono/zod-openapi";
import type * as answers from "../../src/http/operate/answers.ts";
import { note, print, printJson, table } from "../io/output.ts";
import { openClient } from "./client.ts";
import type { Flags } from "./replay.ts";
import { sized } from "./replay-text.ts";

type Held = z.infer<typeof answers.heldSchema>;
type Expiry = z.infer<typeof answers.expirySchema>;

export async function showArchive(root: string, flags: Flags): Promise<void> {
  const { data } = await openClient(root, flags).get<{ data: Held[] }>("/v1/archive");
  if (flags.json) return printJson({ data });
  const rows = data.map(({ connection, hot_days, archive_days, oldest_hot, archive }) => [
    connection,
    `${hot_days} d hot, ${archive_days} d in the archive`,
    oldest_hot ?? "none",
    archive.events === 0
      ? "none"
      : `${archive.events} events in ${archive.segments} segments, ${sized(archive.bytes)}`,
    archive.oldest ?? "",
  ]);
  print(table([["connection", "kept", "oldest hot", "archived", "oldest archived"], ...rows]));
}

export async function listExpired(root: string, flags: Flags & { limit: number }): Promise<void> {
  const data = await openClient(root, flags).list<Expiry>("/v1/archive/expired", flags.limit);
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("nothing has expired");
  const rows = data.map(({ day, what, connection, count, runs, oldest, newest }) => [
    day,
    what,
    connection ?? "",
    runs > 0 ? `${count} with ${runs} runs` : String(count),
    `${oldest ?? ""} to ${newest ?? ""}`,
  ]);
  print(table([["day", "what", "connection", "how many", "from"], ...rows]));
}
