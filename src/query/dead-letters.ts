// Dead letters as people read them: newest first, counted by cause, or one with its history.
import type { Letter } from "../store/ledger/contract.ts";
import { findByAnyId } from "../store/moving/old-ids.ts";
import { cutPage } from "../store/page.ts";
import type { EventStores } from "../store/stores.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { historyOf, iso, type ListPage, type ListQuery } from "./ledger.ts";

type Letters = Pick<EventStores, "shards">;
type DescribedLetter = ReturnType<typeof letterOf>;

/** A letter with its payload: the event as the pipeline was given it. */
function letterOf({ event: { identities: _, ...event }, at, history: __, ...row }: Letter) {
  const { id, connection, bucket, key } = event;
  return { ...row, event_id: id, object: { connection, bucket, key }, event, at: iso(at) };
}

export async function listDeadLetters(
  { shards }: Letters,
  { alias }: { alias?: string | undefined },
  { limit, cursor }: ListQuery,
): Promise<ListPage<DescribedLetter>> {
  const from = decodeCursor("dead_letters", cursor, 2);
  const after = from && { at: Number(from[0]), id: String(from[1]) };
  const { rows, last } = cutPage(await shards.letters({ alias, after, limit: limit + 1 }), limit);
  const data = rows.map(letterOf);
  return last ? { data, next: encodeCursor("dead_letters", [last.at, last.run_id]) } : { data };
}

/** A letter with every state that its run has been in. */
export async function getDeadLetter({ ledger, shards }: EventStores, runId: string) {
  const letter = await findByAnyId(ledger, runId, (id) => shards.letter(id));
  return letter && { ...letterOf(letter), history: historyOf(letter) };
}

/** Causes that are listed at most. */
const MAX_CAUSES = 200;

/** Letters counted by pipeline and cause, most first. A cause that names its own object counts as the same at each. */
export async function listCauses({ shards }: Letters, alias?: string) {
  const causes = await shards.causes(alias);
  return causes.slice(0, MAX_CAUSES).map(({ newest, ...cause }) => ({ ...cause, newest: iso(newest) }));
}
