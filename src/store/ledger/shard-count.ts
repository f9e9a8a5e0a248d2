// The number of the ledger's shards. It may be raised while events come in: first the shards learn of the new number, then
// Workers with the new number in connections.json are deployed, then the cron moves what belongs to the new ones
// (decision 051). A router whose number was not announced records nothing, so that no event goes where nobody looks.
import type { D1Database } from "@cloudflare/workers-types";
import { FailureError } from "../../shapes/failure.ts";
import { areEventsHeld } from "../moving/state.ts";
import type { EventStores } from "../stores.ts";

type ShardStores = Pick<EventStores, "ledger" | "shards">;

/** Numbers that this isolate has found to be announced. */
const confirmed = new WeakMap<D1Database, number>();

interface AnnouncedCount {
  shards: number;
  moved_at: number | null;
}

const announced = (db: D1Database) =>
  db
    .prepare("SELECT shards, moved_at FROM ledger_shards ORDER BY shards DESC LIMIT 1")
    .first<AnnouncedCount>();

/**
 * Confirms that the deployed number of shards is the ledger's, once for each isolate. A ledger without a number takes it.
 *
 * @throws FailureError `unavailable` where it is another one than was announced
 */
export async function confirmShards({ ledger, shards: { count } }: ShardStores, now: number): Promise<void> {
  if (confirmed.get(ledger) === count) return;
  const known = await announced(ledger);
  if (!known)
    await ledger
      .prepare(
        "INSERT INTO ledger_shards (shards, announced_at, moved_at) VALUES (?1, ?2, ?2) ON CONFLICT DO NOTHING",
      )
      .bind(count, now)
      .run();
  // Until what moves has moved, Workers of either number are right.
  const isRight = !known || known.shards === count || (known.moved_at === null && known.shards > count);
  if (!isRight)
    throw new FailureError({
      kind: "unavailable",
      detail: `The ledger has ${known.shards} shards, and this Worker was deployed for ${count}.`,
      expected: `"ledger": { "shards": ${known.shards} } in connections.json`,
      next: `Set it and deploy. To raise the number: weir ledger grow ${Math.max(count, known.shards)}, then deploy.`,
      retry_after_seconds: 60,
    });
  confirmed.set(ledger, count);
}

/**
 * Announces a higher number of shards to every shard; again is no change. Returns the number before.
 *
 * @throws FailureError `invalid` for a number that is not a higher power of two; `conflict` while another raise is under way
 */
export async function announceShards(stores: ShardStores, to: number, now: number): Promise<number> {
  const { ledger, shards } = stores;
  await confirmShards(stores, now);
  const known = (await announced(ledger)) ?? { shards: shards.count, moved_at: now };
  if (known.shards === to && known.moved_at === null) return shards.count;
  if (known.moved_at === null)
    throw new FailureError({
      kind: "conflict",
      detail: `The ledger is still moving to ${known.shards} shards.`,
      next: "Wait until it has: weir ledger show.",
    });
  if (await areEventsHeld(ledger))
    throw new FailureError({
      kind: "conflict",
      detail: "The ledger of the release before is still being moved.",
      next: "Wait until events no longer wait for it: weir archive.",
    });
  if (to <= known.shards || !Number.isInteger(Math.log2(to)))
    throw new FailureError({
      kind: "invalid",
      detail: `The ledger has ${known.shards} shards: ${to} is not a higher power of two.`,
      where: "shards",
      expected: `${known.shards * 2}, ${known.shards * 4}, …`,
    });
  await shards.split({ from: known.shards, to, move: false });
  await ledger
    .prepare("INSERT INTO ledger_shards (shards, announced_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
    .bind(to, now)
    .run();
  return known.shards;
}

/** Has the shards move what belongs to new ones, by their alarms. Does nothing before those are deployed. */
export async function moveToShards(
  { ledger, shards }: ShardStores,
  now: number,
): Promise<"nothing to move" | "moving" | "moved"> {
  const known = await announced(ledger);
  if (!known || known.moved_at !== null || known.shards !== shards.count) return "nothing to move";
  const before = await ledger
    .prepare("SELECT max(shards) AS shards FROM ledger_shards WHERE moved_at IS NOT NULL")
    .first<{ shards: number }>();
  const plan = { from: before?.shards ?? 1, to: known.shards, move: true };
  if (!(await shards.split(plan))) return "moving";
  await ledger
    .prepare("UPDATE ledger_shards SET moved_at = ?2 WHERE shards = ?1")
    .bind(known.shards, now)
    .run();
  return "moved";
}

/** The number in use, and whether it is being raised. */
export async function describeShards({ ledger, shards }: ShardStores) {
  const known = await announced(ledger);
  const { shards: each, limit_bytes } = await shards.counts();
  return {
    shards: shards.count,
    announced: known?.shards ?? shards.count,
    moving: known?.moved_at === null,
    fullest_bytes: Math.max(0, ...each.map(({ bytes }) => bytes)),
    limit_bytes,
  };
}
