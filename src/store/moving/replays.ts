// Takes replays that are under way over the move: where their next page begins was said in the order of the tables of
// before. One over events begins its pipeline again: what it has run is known by the replay and the object.
import { emptyPlan, type ReplayPlan, type ReplayRequest } from "../../shapes/replay.ts";
import { emptyPage, type PagedStep } from "./page.ts";

interface OldReplay {
  id: string;
  phase: string;
  request: string;
  cursor: string | null;
  plan: string;
}

/** All open replays are one page: there are 50 at most. */
export const openReplays: PagedStep<1> = {
  bound: async (_, __, after) => (after === null ? 1 : null),
  async take({ stores: { ledger } }) {
    const { results } = await ledger
      .prepare("SELECT id, phase, request, cursor, plan FROM replays WHERE status IN ('active', 'paused')")
      .all<OldReplay>();
    const moved = results.flatMap((replay) => placeAgain(replay) ?? []);
    if (moved.length === 0) return emptyPage;
    await ledger.batch(
      moved.map(({ id, cursor, plan }) =>
        ledger.prepare("UPDATE replays SET cursor = ?2, plan = ?3 WHERE id = ?1").bind(id, cursor, plan),
      ),
    );
    return emptyPage;
  },
};

/** A replay with the place at which it goes on; undefined where that stays as it is. */
function placeAgain({ id, phase, request, cursor, plan }: OldReplay) {
  if (cursor === null) return undefined;
  const { kind } = (JSON.parse(request) as ReplayRequest).select;
  const { target, at } = JSON.parse(cursor) as { target: number; at?: string };
  if (at === undefined) return undefined;
  if (kind === "events") {
    if (phase !== "planning") return { id, cursor: JSON.stringify({ target }), plan };
    // A plan counts what it finds: it is begun again as a whole.
    const { stopped } = JSON.parse(plan) as ReplayPlan;
    return { id, cursor: null, plan: JSON.stringify({ ...emptyPlan(), ...(stopped && { stopped }) }) };
  }
  if (kind !== "stale" && kind !== "produced_by") return undefined;
  const [bucket, key, connection] = JSON.parse(at) as [string, string, string?];
  if (connection !== undefined) return undefined;
  // Past every connection that has an object of this name.
  return { id, cursor: JSON.stringify({ target, at: JSON.stringify([bucket, key, "\u{10ffff}"]) }), plan };
}
