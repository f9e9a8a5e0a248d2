// Retention, each minute: events that are no longer hot move to the archive, archived events expire, and old rows of
// the ledger's other tables are deleted. Each step is a page and may be cut off anywhere; the next minute goes on.
import type { Env, EventStores } from "../env.ts";
import { type Connections, retentionOf } from "../shapes/connection.ts";
import { expirePage } from "../store/archive/expire.ts";
import { clearAbandoned, movePage } from "../store/archive/move.ts";
import { type ArchivePass, listPasses, recordPass } from "../store/archive/passes.ts";
import { retireOld } from "../store/ledger/retire.ts";
import { retireMoments } from "../store/moments.ts";
import { retirePayloads } from "../store/payloads.ts";

const DAY_MS = 86_400_000;
/** Part of each minute that retention may take, ms; the sweep comes first and has the rest. */
const BUDGET_MS = 20_000;

interface RetainDeps {
  env: Pick<Env, "eventStores">;
  connections: Connections;
  now(): number;
}

/** What one page did for one connection: events moved into segments, and segments that expired. */
interface RetentionResult {
  connection: string;
  events: number;
  segments: number;
  expired: number;
}

/** Does as much as there is time for, a page of each connection in turn. Returns what each page did. */
export async function retain({ env, connections, now }: RetainDeps): Promise<RetentionResult[]> {
  const stores = env.eventStores();
  const until = now() + BUDGET_MS;
  const went: RetentionResult[] = [];
  await clearAbandoned(stores, now());
  let waiting = await listPasses(stores.ledger, now());
  while (waiting.length > 0 && now() < until) {
    const left: ArchivePass[] = [];
    for (const pass of waiting) {
      const { more, ...page } = await retainPage(stores, connections, pass, now());
      if (page.events + page.expired > 0) went.push(page);
      if (more) left.push(more);
    }
    waiting = left;
  }
  while ((await retireOld(stores.ledger, now())) && now() < until);
  return went;
}

/** A page of one connection; `more` is the pass where it has more to do at once. */
async function retainPage(
  stores: EventStores,
  connections: Connections,
  { connection, at }: ArchivePass,
  now: number,
): Promise<RetentionResult & { more?: ArchivePass | undefined }> {
  const { hot_days, archive_days } = retentionOf(connections, connection);
  const oldest = Math.floor((now - (hot_days + archive_days) * DAY_MS) / 60_000);
  const expired = await expirePage(stores, connection, oldest, now);
  const went = { connection, events: 0, segments: 0, expired };
  if (!at) return { ...went, ...(expired > 0 && { more: { connection, at } }) };
  const before = new Date(now - hot_days * DAY_MS).toISOString();
  const { next, ...moved } = await movePage(stores, connection, before, at, now);
  await recordPass(stores.ledger, connection, next, now);
  // What has moved may have to expire at once.
  const isMore = next !== undefined || expired + moved.events > 0;
  return { ...went, ...moved, ...(isMore && { more: { connection, at: next } }) };
}

/** Deletes payloads, moments and pictures of questions that are past their time, once an hour. */
export async function deleteExpiredPayloads({ env, now }: RetainDeps): Promise<void> {
  if (now() % 3_600_000 >= 60_000) return;
  const { archive } = env.eventStores();
  await Promise.all([retirePayloads(archive, now()), retireMoments(archive, now())]);
}
