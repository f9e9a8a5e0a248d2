// Moves what is known of objects and pipelines beside events: tracked objects to their shards, and the counts of what has
// ended to the first shard, since counts are only ever added up over all.

import type { MovedTracked } from "./contract.ts";
import { emptyPage, type OldLedgerDeps, type PagedStep, PageParts } from "./page.ts";

const PAGE_OBJECTS = 1_000;

/** Connection, bucket, key and alias. */
type TrackedPlace = [string, string, string, string];

const COLUMNS = "connection, bucket, key, alias";

/** Tracked objects by their names. */
export const trackedObjects: PagedStep<TrackedPlace> = {
  async bound({ stores, pageRows = PAGE_OBJECTS }, _, after) {
    const row = await stores.ledger
      .prepare(
        `SELECT ${COLUMNS} FROM (
           SELECT ${COLUMNS} FROM tracked WHERE (${COLUMNS}) > (?1, ?2, ?3, ?4) ORDER BY ${COLUMNS} LIMIT ?5)
         ORDER BY connection DESC, bucket DESC, key DESC, alias DESC LIMIT 1`,
      )
      .bind(...(after ?? FIRST), pageRows)
      .first<{ connection: string; bucket: string; key: string; alias: string }>();
    return row && [row.connection, row.bucket, row.key, row.alias];
  },
  async take(deps, state, after, upto) {
    const { results } = await deps.stores.ledger
      .prepare(
        `SELECT * FROM tracked WHERE (${COLUMNS}) > (?1, ?2, ?3, ?4) AND (${COLUMNS}) <= (?5, ?6, ?7, ?8)
         ORDER BY ${COLUMNS}`,
      )
      .bind(...(after ?? FIRST), ...upto)
      .all<MovedTracked>();
    const parts = new PageParts(deps, state);
    for (const row of results) parts.ofKey(row.key).tracked.push(row);
    await parts.send(deps.now);
    return emptyPage;
  },
};

const FIRST: TrackedPlace = ["", "", "", ""];

/** All counts are one page: a few rows a pipeline, and a few a replay. */
export const counts: PagedStep<1> = {
  bound: async (_, __, after) => (after === null ? 1 : null),
  async take(deps, state) {
    const { ledger } = deps.stores;
    const part = new PageParts(deps, state);
    Object.assign(part.ofNumber(0), await readCounts(ledger));
    await part.send(deps.now);
    return emptyPage;
  },
};

async function readCounts(db: OldLedgerDeps["stores"]["ledger"]) {
  const [tallies, replays] = await db.batch([
    db.prepare("SELECT alias, status, runs, seconds FROM tallies"),
    db.prepare("SELECT replay_id, status, runs FROM replay_counts"),
  ]);
  return { tallies: tallies?.results ?? [], replays: replays?.results ?? [] };
}
