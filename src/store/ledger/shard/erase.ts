// Erases what a shard holds of objects: rows of runs, letters and tracked objects, object by object, then packs, a few
// at a time. Counters stay exact: what has ended stays counted, what was produced and is gone does not.
import { covers, type ObjectName } from "../../../shapes/erasure.ts";
import type { Event } from "../../../shapes/event.ts";
import { minuteOfId, objectHex, partsOfRun, placeOf } from "../../../shapes/event-id.ts";
import type { UnitCount } from "../../erasure/contract.ts";
import type { ErasedRows, EraseRows } from "../contract.ts";
import { countPacked } from "./counters.ts";
import { endByHand } from "./endings.ts";
import { deleteRun, eventOf, type HeldRun, idOfRun, isOpen, selectRuns } from "./held-runs.ts";
import { openPacks, replacePack } from "./packs.ts";
import { shortObject } from "./places.ts";
import type { ShardTables } from "./tables.ts";
import { packedOf } from "./upkeep.ts";

/** Objects, and packs, of one page. */
const PAGE_OBJECTS = 200;
const PAGE_PACKS = 20;
const PACKS = "packs ";
const MINUTE_MS = 60_000;

/** One page. Within a transaction. */
export function eraseRows(tables: ShardTables, page: EraseRows): ErasedRows {
  return page.after?.startsWith(PACKS)
    ? erasePacks(tables, page, Number(page.after.slice(PACKS.length)))
    : eraseObjects(tables, page);
}

function eraseObjects(tables: ShardTables, page: EraseRows): ErasedRows {
  const found = findObjects(tables, page);
  const objects = found.slice(0, PAGE_OBJECTS);
  const units: UnitCount[] = [];
  const runs = objects.flatMap(({ object }) =>
    selectRuns(tables, "object = unhex(?)", [object]).filter((run) => isErased(page, run)),
  );
  for (const { object, ...name } of objects) {
    const own = runs.filter((run) => run.object === object);
    const places = Object.groupBy(own, ({ place }) => place);
    const rows = trackedRows(tables, page, name);
    for (const [table, found] of Object.entries({ ...places, tracked: rows }))
      if (found.length > 0) units.push({ table, unit: object, count: found.length });
  }
  const open = runs
    .filter(({ status }) => isOpen(status))
    .map((run) => ({ run_id: idOfRun(run), alias: run.alias, ...nameOf(eventOf(run)) }));
  if (!page.dry) {
    removeRuns(tables, runs, page.now);
    for (const name of objects)
      for (const row of trackedRows(tables, page, name)) removeTracked(tables, row, name);
  }
  const last = objects.at(-1);
  const next = found.length > PAGE_OBJECTS && last ? last.object : `${PACKS}0`;
  return { units, objects: objects.map(nameOf), open, next };
}

type FoundObject = ObjectName & { object: string };

const nameOf = ({ connection, bucket, key }: ObjectName): ObjectName => ({ connection, bucket, key });

/** Objects of the scope in order of their hashes, one more than a page has. */
function findObjects(tables: ShardTables, { scope, after }: EraseRows): FoundObject[] {
  const { connection, bucket, key, prefix = "" } = scope;
  const only = key === undefined ? undefined : objectHex({ connection, bucket, key });
  const found = new Map<string, FoundObject>();
  const add = (rows: FoundObject[]) => {
    for (const row of rows) if (covers(scope, row)) found.set(row.object, row);
  };
  const begin = key ?? prefix;
  for (const place of [tables.runs, "letters"])
    add(
      tables.database.all<FoundObject>(
        `SELECT DISTINCT lower(hex(object)) AS object, event ->> '$.connection' AS connection,
           event ->> '$.bucket' AS bucket, event ->> '$.key' AS key
         FROM ${place} WHERE object > unhex(?) AND (? IS NULL OR object = unhex(?)) AND event ->> '$.connection' = ?
           AND event ->> '$.bucket' = ? AND substr(event ->> '$.key', 1, length(?)) = ?
         ORDER BY object LIMIT ${PAGE_OBJECTS + 1}`,
        ...[after ?? "", only ?? null, only ?? null, connection, bucket, begin, begin],
      ),
    );
  for (const alias of tables.trackedAliases)
    add(
      tables.database.all<FoundObject>(
        `SELECT lower(hex(object)) AS object, connection, bucket, key FROM tracked
         WHERE alias = ? AND bucket = ? AND key >= ? AND substr(key, 1, length(?)) = ? AND connection = ?
           AND object > unhex(?) ORDER BY object LIMIT ${PAGE_OBJECTS + 1}`,
        ...[alias, bucket, begin, begin, begin, connection, after ?? ""],
      ),
    );
  return [...found.values()].sort((a, b) => (a.object < b.object ? -1 : 1)).slice(0, PAGE_OBJECTS + 1);
}

/** A run that was committed by then, or is of an event of then. */
function isErased({ scope, erased_at }: EraseRows, run: HeldRun): boolean {
  const event: Event = eventOf(run);
  return covers(scope, event) && (run.created_at <= erased_at || placeOf(event) <= erased_at);
}

function removeRuns(tables: ShardTables, runs: HeldRun[], now: number): void {
  if (runs.length === 0) return;
  // Whoever has read some of them to pack them knows by this that they are no longer so.
  tables.lateChanges++;
  for (const run of runs) if (isOpen(run.status)) endByHand(tables, run, "erased", now);
  countPacked(tables, runs.map(packedOf));
  for (const run of runs) deleteRun(tables, run);
}

interface TrackedRow {
  alias: string;
  run_id: string;
  stored_at: number | null;
  items: number | null;
  version: string | null;
  commit_id: string | null;
}

function trackedRows(tables: ShardTables, { erased_at }: EraseRows, name: ObjectName): TrackedRow[] {
  return [...tables.trackedAliases]
    .flatMap((alias) =>
      tables.database.all<TrackedRow>(
        `SELECT alias, run_id, stored_at, items, version, commit_id FROM tracked
         WHERE alias = ? AND bucket = ? AND key = ? AND connection = ?`,
        ...[alias, name.bucket, name.key, name.connection],
      ),
    )
    .filter(({ stored_at, run_id }) => (stored_at ?? minuteOfRun(run_id)) <= erased_at);
}

/** The beginning of the minute of a run's event, ms. */
const minuteOfRun = (run_id: string) => minuteOfId(partsOfRun(run_id)?.event_id ?? "") * MINUTE_MS || 0;

function removeTracked(tables: ShardTables, row: TrackedRow, { bucket, key, connection }: ObjectName): void {
  const { alias, items, version, commit_id } = row;
  tables.database.all(
    "DELETE FROM tracked WHERE alias = ? AND bucket = ? AND key = ? AND connection = ?",
    ...[alias, bucket, key, connection],
  );
  if (!items || version === null) return;
  tables.database.all(
    "UPDATE produced SET objects = objects - 1, items = items - ? WHERE alias = ? AND version = ? AND commit_id = ?",
    ...[items, alias, version, commit_id ?? ""],
  );
}

/** Packs after a number: those that hold runs of the scope are written anew without them. */
function erasePacks(tables: ShardTables, page: EraseRows, after: number): ErasedRows {
  const packs = openPacks(tables, after, PAGE_PACKS);
  const objects = new Map<string, ObjectName>();
  const units: UnitCount[] = [];
  for (const { n, entries } of packs) {
    const erased = entries.filter((run) => covers(page.scope, run) && run.created_at <= page.erased_at);
    if (erased.length === 0) continue;
    units.push({ table: "packs", unit: String(n), count: erased.length });
    for (const run of erased) objects.set(objectHex(run), nameOf(run));
    if (!page.dry)
      replacePack(
        tables,
        n,
        entries.filter((run) => !erased.includes(run)),
      );
  }
  const last = packs.at(-1);
  return {
    ...{ units, objects: [...objects.values()], open: [] },
    ...(last && packs.length === PAGE_PACKS && { next: `${PACKS}${last.n}` }),
  };
}

/** Removes identities of events of these objects, of that moment or earlier. Returns how many. */
export function eraseIdentities(
  tables: ShardTables,
  objects: ObjectName[],
  erased_at: number,
  dry: boolean,
): number {
  const minute = Math.floor(erased_at / MINUTE_MS);
  const counts = tables.weeks.flatMap((week) =>
    objects.map((name) => eraseInWeek(tables, `ids_${week}`, shortObject(objectHex(name)), minute, dry)),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function eraseInWeek(
  tables: ShardTables,
  table: string,
  object: string,
  minute: number,
  dry: boolean,
): number {
  const row = tables.database.first<{ count: number }>(
    `SELECT count(*) AS count FROM ${table} WHERE object = unhex(?) AND minute <= ?`,
    object,
    minute,
  );
  if (!dry)
    tables.database.all(`DELETE FROM ${table} WHERE object = unhex(?) AND minute <= ?`, object, minute);
  return row?.count ?? 0;
}
