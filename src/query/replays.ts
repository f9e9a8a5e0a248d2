// Replays as people list them: newest first, in pages.
import type { D1Database } from "@cloudflare/workers-types";
import { type ReplayRow, replayOf } from "../store/ledger/replays.ts";
import { type ListQuery, page } from "./ledger.ts";

export async function listReplays(db: D1Database, query: ListQuery) {
  const { data: rows, ...rest } = await page<ReplayRow, ReturnType<typeof replayOf>>(
    db,
    "replays",
    ["created_at", "id"],
    {},
    query,
    replayOf,
  );
  return { rows, ...rest };
}
