// Packs: runs that have ended, up to 200 in a row, for lists of the last days. What a pack holds is counted beside it, so
// that a list opens only those in which it finds something.
import { gunzipSync, gzipSync } from "node:zlib";
import type { RunOnRecord } from "../../log/contract.ts";
import type { RunQuery } from "../contract.ts";
import type { ProducedDelta } from "./held-runs.ts";
import type { ShardTables } from "./tables.ts";

/** Days for which packs are kept for lists; the log has their runs for longer. */
export const PACK_DAYS = 30;
export const PACK_RUNS = 200;
/** Most bytes of JSON in a pack, unpacked. */
const PACK_BYTES = 1_500_000;

interface PackRow {
  n: number;
  created_from: number;
  created_to: number;
  counts: string;
}

interface PackedEntry extends RunOnRecord {
  closed_at: number;
}

/** A run that is about to be packed, with what only its row says. */
export interface PackedRun {
  object: string;
  run: RunOnRecord;
  closed_at: number;
  produced: ProducedDelta[];
  /** From its event to when its items were stored, ms; null where it stored none, or was not of a sender's event. */
  latency: number | null;
}

/** A pack that is ready to be written. */
export interface Pack {
  packed: PackedRun[];
  body: Uint8Array;
}

/** Packs runs in as few rows as hold them. */
export function packRuns(all: PackedRun[]): Pack[] {
  const packs: Pack[] = [];
  let packed: PackedRun[] = [];
  let texts: string[] = [];
  let bytes = 0;
  const end = () => {
    if (packed.length > 0) packs.push({ packed, body: gzipSync(`[${texts.join()}]`) });
    [packed, texts, bytes] = [[], [], 0];
  };
  for (const one of all) {
    const text = JSON.stringify({ ...one.run, closed_at: one.closed_at } satisfies PackedEntry);
    if (packed.length === PACK_RUNS || bytes + text.length > PACK_BYTES) end();
    packed.push(one);
    texts.push(text);
    bytes += text.length;
  }
  end();
  return packs;
}

/** Writes a pack: one row, and its two entries of indexes. */
export function keepPack(tables: ShardTables, { packed, body }: Pack): void {
  tables.database.all(
    `INSERT INTO packs (created_from, created_to, ended_from, ended_to, counts, body) VALUES (?, ?, ?, ?, ?, ?)`,
    ...headOf(packed.map(({ run, closed_at }) => ({ ...run, closed_at }))),
    body,
  );
}

/** What a pack's row says beside its body, in the order of its columns. */
function headOf(entries: PackedEntry[]): (number | string)[] {
  const counts: Record<string, Record<string, number>> = {};
  for (const { alias, status } of entries) {
    const byStatus = counts[alias] ?? {};
    counts[alias] = byStatus;
    byStatus[status] = (byStatus[status] ?? 0) + 1;
  }
  const created = entries.map(({ created_at }) => created_at);
  const ended = entries.map(({ closed_at }) => closed_at);
  return [
    Math.min(...created),
    Math.max(...created),
    Math.min(...ended),
    Math.max(...ended),
    JSON.stringify(counts),
  ];
}

/** Packs after a number, with their runs. */
export function openPacks(
  tables: ShardTables,
  after: number,
  limit: number,
): { n: number; entries: PackedEntry[] }[] {
  return tables.database
    .all<{ n: number }>("SELECT n FROM packs WHERE n > ? ORDER BY n LIMIT ?", after, limit)
    .map(({ n }) => ({ n, entries: openPack(tables, n) }));
}

/** Writes a pack anew with other runs; without any, it goes. */
export function replacePack(tables: ShardTables, n: number, entries: PackedEntry[]): void {
  if (entries.length === 0) {
    tables.database.all("DELETE FROM packs WHERE n = ?", n);
    return;
  }
  tables.database.all(
    `UPDATE packs SET created_from = ?, created_to = ?, ended_from = ?, ended_to = ?, counts = ?, body = ? WHERE n = ?`,
    ...headOf(entries),
    gzipSync(JSON.stringify(entries)),
    n,
  );
}

function openPack(tables: ShardTables, n: number): PackedEntry[] {
  const row = tables.database.first<{ body: ArrayBuffer }>("SELECT body FROM packs WHERE n = ?", n);
  return row ? (JSON.parse(gunzipSync(new Uint8Array(row.body)).toString()) as PackedEntry[]) : [];
}

/** Newest first: by when they were committed, then by id. */
export const newestFirst = (
  a: Pick<RunOnRecord, "created_at" | "id">,
  b: Pick<RunOnRecord, "created_at" | "id">,
): number => b.created_at - a.created_at || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);

export const isAfter = (run: Pick<RunOnRecord, "created_at" | "id">, after: RunQuery["after"]): boolean =>
  !after || run.created_at < after.at || (run.created_at === after.at && run.id < after.id);

/** Adds packed runs to a page of those that are not, newest first, opening only packs that have something for it. */
export function listPacked(tables: ShardTables, page: RunOnRecord[], query: RunQuery): RunOnRecord[] {
  let runs = page;
  const packs = tables.database.all<PackRow>(
    "SELECT n, created_from, created_to, counts FROM packs WHERE created_from <= ? ORDER BY created_to DESC",
    query.after?.at ?? Number.MAX_SAFE_INTEGER,
  );
  for (const { n, created_to, counts } of packs) {
    const last = runs[query.limit - 1];
    if (last && created_to < last.created_at) break;
    if (!hasAny(JSON.parse(counts) as Record<string, Record<string, number>>, query)) continue;
    const found = openPack(tables, n)
      .filter(
        (run) => (query.alias ?? run.alias) === run.alias && (query.status ?? run.status) === run.status,
      )
      .filter((run) => isAfter(run, query.after))
      .map(({ closed_at: _, ...run }) => run);
    runs = [...runs, ...found].sort(newestFirst).slice(0, query.limit);
  }
  return runs;
}

const hasAny = (counts: Record<string, Record<string, number>>, { alias, status }: RunQuery) =>
  (alias === undefined ? Object.values(counts) : [counts[alias] ?? {}]).some((byStatus) =>
    status === undefined ? Object.keys(byStatus).length > 0 : byStatus[status] !== undefined,
  );

/** Runs of a pipeline in packs that succeeded from one time to before another. */
export function successesInPacks(
  tables: ShardTables,
  alias: string,
  from: number,
  to: number,
): RunOnRecord[] {
  return tables.database
    .all<PackRow>("SELECT n, counts FROM packs WHERE ended_to >= ? AND ended_from < ?", from, to)
    .filter(({ counts }) => hasAny(JSON.parse(counts), { alias, status: "succeeded", limit: 1 }))
    .flatMap(({ n }) => openPack(tables, n))
    .filter((run) => run.alias === alias && run.status === "succeeded")
    .filter(({ closed_at }) => closed_at >= from && closed_at < to);
}

/** Deletes packs that ended before a time, oldest first; all of them, or as many as said. Returns how many. */
export function dropPacks(tables: ShardTables, before: number, limit = -1): number {
  const rows = tables.database.all(
    "DELETE FROM packs WHERE n IN (SELECT n FROM packs WHERE ended_to < ? ORDER BY ended_to LIMIT ?) RETURNING n",
    before,
    limit,
  );
  return rows.length;
}
