// What a shard knows of the items of its objects: by which version and commit each pipeline's were produced. An object
// that has items is tracked: its events make runs even where the filter refuses them.
import type { Event } from "../../../shapes/event.ts";
import type { Report } from "../../../shapes/run.ts";
import type { ProducedCount, TrackedObject, TrackedQuery } from "../contract.ts";
import { eventOf, type HeldRun, idOfRun, OPEN, type ProducedDelta } from "./held-runs.ts";
import type { ShardTables } from "./tables.ts";

type ObjectName = Pick<Event, "connection" | "bucket" | "key">;

/** Pipelines that have, or may have, items of an object. */
export function trackedAliasesOf(tables: ShardTables, { connection, bucket, key }: ObjectName): string[] {
  return [...tables.trackedAliases].filter(
    (alias) =>
      tables.database.first(
        "SELECT 1 FROM tracked WHERE alias = ? AND bucket = ? AND key = ? AND connection = ?",
        alias,
        bucket,
        key,
        connection,
      ) !== undefined,
  );
}

interface ProducedItems {
  stored_at: number | null;
  items: number | null;
  version: string | null;
  commit_id: string | null;
}

/** Takes in what a report says of its object's items. Returns by how much that changes what was produced. */
export function trackReport(tables: ShardTables, run: HeldRun, report: Report, now: number): ProducedDelta[] {
  const { status, items } = report;
  const event = eventOf(run);
  if (event.key === "" || items === undefined) return [];
  const at = report.stored_at ?? report.ended_at ?? now;
  const holds = status === "succeeded" && items > 0;
  const isNothing = items === 0 && (status === "succeeded" || status === "skipped");
  if (!holds && !isNothing) return [];
  const before = tables.database.first<ProducedItems>(
    `SELECT stored_at, items, version, commit_id FROM tracked
     WHERE alias = ? AND bucket = ? AND key = ? AND connection = ?`,
    ...nameOf(run.alias, event),
  );
  if ((before?.stored_at ?? 0) > at || (holds && wasEmptiedLater(tables, run, at))) return [];
  if (isNothing && !before) return [];
  if (isNothing) deleteTracked(tables, run.alias, event);
  else putTracked(tables, run, event, report, at);
  return [
    ...(before?.items && before.version !== null
      ? [{ version: before.version, commit: before.commit_id, objects: -1, items: -before.items }]
      : []),
    ...(holds ? [{ version: report.version, commit: report.commit, objects: 1, items }] : []),
  ];
}

/** Whether a run that is still here has removed the object's items after that time. */
export function wasEmptiedLater(
  tables: ShardTables,
  { object, alias }: Pick<HeldRun, "object" | "alias">,
  at: number,
): boolean {
  const row = tables.database.first(
    `SELECT 1 FROM ${tables.runs} WHERE object = unhex(?) AND alias = ? AND status NOT IN ${OPEN}
       AND detail ->> '$.items' = 0 AND detail ->> '$.stored_at' > ? LIMIT 1`,
    object,
    alias,
    at,
  );
  return row !== undefined;
}

const nameOf = (alias: string, { bucket, key, connection }: ObjectName) => [alias, bucket, key, connection];

function putTracked(tables: ShardTables, run: HeldRun, event: Event, report: Report, at: number): void {
  tables.trackedAliases.add(run.alias);
  tables.database.all(
    `INSERT INTO tracked
       (alias, bucket, key, connection, object, run_id, stored_at, items, etag, size, version, commit_id, models)
     VALUES (?, ?, ?, ?, unhex(?), ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (alias, bucket, key, connection) DO UPDATE SET
       run_id = excluded.run_id, stored_at = excluded.stored_at, items = excluded.items, etag = excluded.etag,
       size = excluded.size, version = excluded.version, commit_id = excluded.commit_id, models = excluded.models`,
    ...nameOf(run.alias, event),
    run.object,
    idOfRun(run),
    at,
    report.items ?? null,
    report.etag ?? null,
    report.size ?? null,
    report.version,
    report.commit,
    report.models ? JSON.stringify(report.models) : null,
  );
}

function deleteTracked(tables: ShardTables, alias: string, event: ObjectName): void {
  tables.database.all(
    "DELETE FROM tracked WHERE alias = ? AND bucket = ? AND key = ? AND connection = ?",
    ...nameOf(alias, event),
  );
}

/** A run that ends without saying what it stored may have stored something: its object stays tracked. */
export function trackUnsaid(tables: ShardTables, run: HeldRun): void {
  const event = eventOf(run);
  if (event.key === "") return;
  tables.trackedAliases.add(run.alias);
  tables.database.all(
    `INSERT INTO tracked (alias, bucket, key, connection, object, run_id) VALUES (?, ?, ?, ?, unhex(?), ?)
     ON CONFLICT DO NOTHING`,
    ...nameOf(run.alias, event),
    run.object,
    idOfRun(run),
  );
}

interface TrackedRow extends Omit<TrackedObject, "commit" | "models"> {
  commit_id: string | null;
  models: string | null;
}

/** Objects that have items of a pipeline, by bucket, key and connection. */
export function listTracked(tables: ShardTables, query: TrackedQuery): TrackedObject[] {
  const conditions = ["alias = ?", "items > 0"];
  const bindings: unknown[] = [query.alias];
  const add = (condition: string, ...values: unknown[]) => {
    conditions.push(condition);
    bindings.push(...values);
  };
  if (query.version !== undefined) add("version = ?", query.version);
  if (query.not_version !== undefined) add("version IS NOT ?", query.not_version);
  if (query.commit !== undefined) add("commit_id = ?", query.commit);
  if (query.model !== undefined) add("EXISTS (SELECT 1 FROM json_each(models) WHERE value = ?)", query.model);
  if (query.prefix !== undefined) add("substr(key, 1, length(?)) = ?", query.prefix, query.prefix);
  if (query.after) add("(bucket, key, connection) > (?, ?, ?)", ...query.after);
  return tables.database
    .all<TrackedRow>(
      `SELECT connection, bucket, key, alias, etag, size, items, version, commit_id, models, run_id, stored_at
       FROM tracked WHERE ${conditions.join(" AND ")} ORDER BY bucket, key, connection LIMIT ?`,
      ...bindings,
      query.limit,
    )
    .map(trackedOf);
}

const trackedOf = ({ commit_id, models, ...row }: TrackedRow): TrackedObject => ({
  ...row,
  commit: commit_id,
  models: models === null ? [] : (JSON.parse(models) as string[]),
});

/** Greatest character: what begins with a prefix comes before the prefix with it. */
const LAST = "\u{10ffff}";

/** Objects whose keys begin so and that have, or may have, items: by one seek for each pipeline and bucket. */
export function listUnder(tables: ShardTables, prefix: string, limit: number): TrackedObject[] {
  const found: TrackedObject[] = [];
  const next = "SELECT min(bucket) AS bucket FROM tracked WHERE alias = ? AND bucket > ?";
  for (const alias of tables.trackedAliases) {
    for (let bucket = ""; ; ) {
      const row = tables.database.first<{ bucket: string | null }>(next, alias, bucket);
      if (row?.bucket == null) break;
      bucket = row.bucket;
      const rows = tables.database.all<TrackedRow>(
        `SELECT connection, bucket, key, alias, etag, size, items, version, commit_id, models, run_id, stored_at
         FROM tracked WHERE alias = ? AND bucket = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?`,
        ...[alias, bucket, prefix, prefix + LAST, limit],
      );
      found.push(...rows.map(trackedOf));
    }
  }
  return found;
}

/** How many of these objects have items of a pipeline, and how many items. */
export function countHeld(tables: ShardTables, alias: string, objects: ObjectName[]) {
  const sum = { objects: 0, items: 0 };
  for (const object of objects) {
    const row = tables.database.first<{ items: number }>(
      "SELECT items FROM tracked WHERE alias = ? AND bucket = ? AND key = ? AND connection = ? AND items > 0",
      ...nameOf(alias, object),
    );
    if (row) {
      sum.objects++;
      sum.items += row.items;
    }
  }
  return sum;
}

/** What each version of a pipeline has produced: the counters, with what runs that are not packed add to them. */
export function countProduced(tables: ShardTables, alias: string): ProducedCount[] {
  const counts = new Map<string, ProducedCount>();
  const add = ({ version, commit, objects, items }: ProducedCount) => {
    const name = JSON.stringify([version, commit]);
    const count = counts.get(name) ?? { version, commit, objects: 0, items: 0 };
    counts.set(name, { ...count, objects: count.objects + objects, items: count.items + items });
  };
  const kept = tables.database.all<ProducedCount & { commit_id: string }>(
    "SELECT version, commit_id, objects, items FROM produced WHERE alias = ?",
    alias,
  );
  for (const row of kept) add({ ...row, commit: row.commit_id || null });
  for (const table of [tables.runs, "letters"]) {
    const deltas = tables.database.all<{ produced: string }>(
      `SELECT detail -> '$.produced' AS produced FROM ${table} WHERE alias = ? AND detail -> '$.produced' IS NOT NULL`,
      alias,
    );
    for (const { produced } of deltas)
      for (const delta of JSON.parse(produced) as ProducedDelta[]) add(delta);
  }
  return [...counts.values()]
    .filter(({ objects, items }) => objects !== 0 || items !== 0)
    .sort((a, b) => (a.version < b.version ? -1 : 1));
}
