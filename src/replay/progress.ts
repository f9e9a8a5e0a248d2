// Progress of a replay: its runs by status, as the shards count them, so it is exact.
import type { EventStores } from "../store/stores.ts";

export interface ReplayProgress {
  by_status: Record<string, number>;
  /** Runs that have not ended. */
  open: number;
}

const OPEN = ["pending", "queued", "running", "failed"];

export async function progressOf(
  { shards }: Pick<EventStores, "shards">,
  id: string,
): Promise<ReplayProgress> {
  const by_status = await shards.progress(id);
  return { by_status, open: OPEN.reduce((sum, status) => sum + (by_status[status] ?? 0), 0) };
}
