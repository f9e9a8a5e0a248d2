// For local work, whose queues live in memory and are gone with the process: what they held is due at once.
// Never part of a deployed Weir, whose queues keep their messages.
import type { D1Database } from "@cloudflare/workers-types";

/** Makes every run that has not ended overdue, and every replay under way stuck: the next sweep takes them up. */
export async function presumeQueuesLost(db: D1Database): Promise<void> {
  await db.batch([
    db.prepare("UPDATE runs SET due_at = 0 WHERE due_at > 0"),
    db.prepare("UPDATE replays SET moved_at = 0 WHERE status = 'active'"),
  ]);
}
