// Takes in what moves from a ledger of before the shards (store/moving): each page once, whatever has become of its runs
// since it was taken in.
import { objectHex } from "../../../shapes/event-id.ts";
import type { MovedPart, MovedTracked } from "../../moving/contract.ts";
import { addEnded, countSuccesses, msOf } from "./counters.ts";
import { type HeldRun, insertRun, isOpen } from "./held-runs.ts";
import { findKnown, rememberEvent } from "./identities.ts";
import { keepPack, PACK_DAYS, packRuns } from "./packs.ts";
import type { ShardTables } from "./tables.ts";
import { wasEmptiedLater } from "./tracked.ts";

const DAY_MS = 86_400_000;
/** The setting that has the number of the last page. */
const LAST_PAGE = "moved";

/** Takes in a part, within a transaction. Returns when the first of its runs is due, ms. */
export function adoptPart(tables: ShardTables, part: MovedPart, now: number): number | undefined {
  if ((tables.setting<number>(LAST_PAGE) ?? -1) >= part.page) return undefined;
  const known = new Set<string>();
  for (const { event, at } of part.events) {
    if (findKnown(tables, event, []) !== undefined) known.add(event.id);
    else rememberEvent(tables, event, at);
  }
  const runs = part.runs.filter(({ event_id }) => !known.has(event_id));
  for (const run of runs) adoptRun(tables, run);
  const ended = part.ended.map((one) => ({ ...one, object: "", produced: [], latency: null }));
  const listed = ended.filter(({ closed_at }) => closed_at >= now - PACK_DAYS * DAY_MS);
  for (const pack of packRuns(listed)) keepPack(tables, pack);
  countSuccesses(tables, ended);
  adoptTracked(tables, part.tracked);
  for (const { alias, status, runs: count, seconds } of part.tallies)
    addEnded(tables, alias, status, count, seconds);
  for (const { replay_id, status, runs: count } of part.replays)
    tables.database.all(
      `INSERT INTO replays (replay_id, status, runs) VALUES (?, ?, ?)
       ON CONFLICT (replay_id, status) DO UPDATE SET runs = runs + excluded.runs`,
      replay_id,
      status,
      count,
    );
  tables.keepSetting(LAST_PAGE, part.page);
  const due = runs.flatMap(({ due_at }) => due_at ?? []);
  return due.length === 0 ? undefined : Math.min(...due);
}

/** A letter is counted among what has ended by its row, and was already counted before. */
function adoptRun(tables: ShardTables, run: HeldRun): void {
  insertRun(tables, run);
  if (isOpen(run.status)) return;
  addEnded(tables, run.alias, run.status, -1, -(msOf(run.detail) ?? 0) / 1000);
}

/** Keeps what produced the items of objects, unless a run has looked at the object meanwhile. */
function adoptTracked(tables: ShardTables, all: MovedTracked[]): void {
  const produced = new Map<string, { row: MovedTracked; objects: number; items: number }>();
  for (const row of all) {
    const object = objectHex(row);
    if (wasEmptiedLater(tables, { object, alias: row.alias }, row.stored_at ?? 0)) continue;
    const [inserted] = tables.database.all(
      `INSERT INTO tracked
         (alias, bucket, key, connection, object, run_id, stored_at, items, etag, size, version, commit_id, models)
       VALUES (?, ?, ?, ?, unhex(?), ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING alias`,
      ...[row.alias, row.bucket, row.key, row.connection, object, row.run_id, row.stored_at, row.items],
      ...[row.etag, row.size, row.version, row.commit_id, row.models],
    );
    if (!inserted) continue;
    tables.trackedAliases.add(row.alias);
    if (!row.items || row.version === null) continue;
    const name = JSON.stringify([row.alias, row.version, row.commit_id]);
    const sum = produced.get(name) ?? { row, objects: 0, items: 0 };
    produced.set(name, { row, objects: sum.objects + 1, items: sum.items + row.items });
  }
  for (const { row, objects, items } of produced.values())
    tables.database.all(
      `INSERT INTO produced (alias, version, commit_id, objects, items) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (alias, version, commit_id) DO UPDATE SET
         objects = objects + excluded.objects, items = items + excluded.items`,
      ...[row.alias, row.version, row.commit_id ?? "", objects, items],
    );
}
