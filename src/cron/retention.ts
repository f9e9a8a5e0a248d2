// Upkeep of what is on record, each minute: the log's loose objects become segments, events whose time is over go, and so
// do old rows of the ledger's small tables. Each step may be cut off anywhere; the next minute goes on.
import type { Env } from "../env.ts";
import { type Connections, retentionOf } from "../shapes/connection.ts";
import { logInfo } from "../shapes/log.ts";
import { retireOld } from "../store/ledger/retire.ts";
import { keepUp } from "../store/log/keep-up.ts";
import { retireMoments } from "../store/moments.ts";
import { retirePayloads } from "../store/payloads.ts";

/** Part of each minute that upkeep may take, ms. */
const BUDGET_MS = 20_000;

interface RetainDeps {
  env: Env;
  connections: Connections;
  now(): number;
}

/** Does as much as there is time for. */
export async function retain({ env, connections, now }: RetainDeps): Promise<void> {
  const until = now() + BUDGET_MS;
  const keepDays = (connection: string) => {
    const { hot_days, archive_days } = retentionOf(connections, connection);
    return hot_days + archive_days;
  };
  const did = await keepUp(env.archive(), now(), keepDays, BUDGET_MS);
  if (did.segments + did.objects_removed > 0) logInfo("log.upkeep", { ...did });
  while ((await retireOld(env.ledger(), now())) && now() < until);
}

/** Deletes payloads, moments and pictures of questions that are past their time, once an hour. */
export async function deleteExpiredPayloads({ env, now }: RetainDeps): Promise<void> {
  if (now() % 3_600_000 >= 60_000) return;
  const archive = env.archive();
  await Promise.all([retirePayloads(archive, now()), retireMoments(archive, now())]);
}
