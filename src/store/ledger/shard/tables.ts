// Tables of a shard. Every row that is written costs, so there is no index that a healthy run would pay for, and what
// can go together is a table of its own, since dropping a table costs nothing: identities by week, and the runs, of
// which those that are left move to the next table when the ended ones are packed (pack.ts).
import type { ShardDatabase } from "./database.ts";

/** Columns of runs, in a table `runs_<n>` while they are open or not yet packed, in `letters` while they are dead. */
const RUN_COLUMNS = `
  -- 16 bytes: 12 of the key's hash, 4 of that of connection and bucket (shapes/event-id.ts).
  object     BLOB NOT NULL,
  -- The event's, 16 bytes.
  id         BLOB NOT NULL,
  alias      TEXT NOT NULL,
  status     TEXT NOT NULL,
  -- attempt * 10 + rank of the status: reports that come late or twice never move a run back.
  progress   INTEGER NOT NULL,
  -- When the shard looks after the run, ms: null once it has ended.
  due_at     INTEGER,
  created_at INTEGER NOT NULL,
  -- When the run ended, or got its letter, by the shard's clock.
  closed_at  INTEGER,
  replay_id  TEXT,
  -- JSON: see RunDetail (held-runs.ts).
  detail     TEXT NOT NULL,
  event      TEXT NOT NULL,
  PRIMARY KEY (object, id, alias)`;

const TABLES = [
  `CREATE TABLE IF NOT EXISTS letters (${RUN_COLUMNS}) STRICT, WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS letters_by_time ON letters (closed_at, id)",
  // What the items of an object were made by. items is null where some may be left of a run that ended badly.
  `CREATE TABLE IF NOT EXISTS tracked (
    alias      TEXT NOT NULL,
    bucket     TEXT NOT NULL,
    key        TEXT NOT NULL,
    connection TEXT NOT NULL,
    object     BLOB NOT NULL,
    run_id     TEXT NOT NULL,
    stored_at  INTEGER,
    items      INTEGER,
    etag       TEXT,
    size       INTEGER,
    version    TEXT,
    commit_id  TEXT,
    models     TEXT,
    PRIMARY KEY (alias, bucket, key, connection)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS packs (
    n            INTEGER PRIMARY KEY,
    -- Of its runs: when the first and the last were committed, and ended by the shard's clock, ms.
    created_from INTEGER NOT NULL,
    created_to   INTEGER NOT NULL,
    ended_from   INTEGER NOT NULL,
    ended_to     INTEGER NOT NULL,
    -- JSON: alias to status to number of runs.
    counts       TEXT NOT NULL,
    -- Gzipped JSON of RunOnRecord[].
    body         BLOB NOT NULL
  ) STRICT`,
  "CREATE INDEX IF NOT EXISTS packs_by_creation ON packs (created_to)",
  "CREATE INDEX IF NOT EXISTS packs_by_end ON packs (ended_to)",
  `CREATE TABLE IF NOT EXISTS ended (
    alias TEXT NOT NULL, status TEXT NOT NULL, runs INTEGER NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY (alias, status)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS successes (
    -- Of the end by the shard's clock, since the epoch.
    alias TEXT NOT NULL, hour INTEGER NOT NULL, runs INTEGER NOT NULL,
    -- Of the runs whose duration is known.
    timed INTEGER NOT NULL, ms INTEGER NOT NULL,
    PRIMARY KEY (alias, hour)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS spending (
    -- pipeline: ever, of an alias; handled: on a day, of an alias; replay: ever, of a replay's id.
    scope TEXT NOT NULL, name TEXT NOT NULL, day INTEGER NOT NULL, runs INTEGER NOT NULL,
    -- JSON: see RunMeasures (shapes/measures.ts).
    sums TEXT NOT NULL, squares TEXT NOT NULL,
    PRIMARY KEY (scope, name, day)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS quarters (
    -- Quarter of an hour of the end by the shard's clock, since the epoch.
    quarter INTEGER NOT NULL, alias TEXT NOT NULL,
    -- JSON: see QuarterCounts (ledger/contract.ts).
    sums TEXT NOT NULL,
    PRIMARY KEY (quarter, alias)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS replays (
    replay_id TEXT NOT NULL, status TEXT NOT NULL, runs INTEGER NOT NULL,
    PRIMARY KEY (replay_id, status)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS produced (
    -- An empty commit: none is known.
    alias TEXT NOT NULL, version TEXT NOT NULL, commit_id TEXT NOT NULL,
    objects INTEGER NOT NULL, items INTEGER NOT NULL,
    PRIMARY KEY (alias, version, commit_id)
  ) STRICT, WITHOUT ROWID`,
  "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
];

/** The shard's database with its tables: there from the first call on. */
export class ShardTables {
  readonly database: ShardDatabase;
  /** The table that new runs go into. */
  runs: string;
  /** Weeks of arrival of which there are identities, since the epoch, oldest first. */
  weeks: number[];
  /** Pipelines that have tracked objects. */
  readonly trackedAliases: Set<string>;
  /** Counts changes to runs that had ended, so that whoever has read some knows that they are no longer so. */
  lateChanges = 0;

  constructor(database: ShardDatabase) {
    this.database = database;
    for (const statement of TABLES) database.all(statement);
    const names = database.all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'");
    this.weeks = numbered(names, "ids_");
    const generation = numbered(names, "runs_").at(-1);
    this.runs = `runs_${generation ?? 1}`;
    if (generation === undefined) database.all(createRuns(this.runs));
    this.trackedAliases = new Set(trackedAliases(database));
  }

  /** The table of identities of a week. */
  identities(week: number): string {
    const name = `ids_${week}`;
    if (this.weeks.includes(week)) return name;
    this.database.all(`CREATE TABLE IF NOT EXISTS ${name} (
      object BLOB NOT NULL,
      -- Of the event's own time, since the epoch.
      minute INTEGER NOT NULL,
      id     BLOB NOT NULL,
      -- The first 8 bytes of each identity.
      names  BLOB NOT NULL,
      PRIMARY KEY (object, minute, id)
    ) STRICT, WITHOUT ROWID`);
    this.weeks = [...this.weeks, week].sort((a, b) => a - b);
    return name;
  }

  dropIdentities(week: number): void {
    this.database.all(`DROP TABLE IF EXISTS ids_${week}`);
    this.weeks = this.weeks.filter((other) => other !== week);
  }

  /** Moves runs that are left to a new table, and drops the old one with all others. Within a transaction. */
  renewRuns(left: string, ...bindings: unknown[]): void {
    const old = this.runs;
    const next = `runs_${Number(old.slice("runs_".length)) + 1}`;
    this.database.all(createRuns(next));
    this.database.all(`INSERT INTO ${next} SELECT * FROM ${old} WHERE ${left}`, ...bindings);
    this.database.all(`DROP TABLE ${old}`);
    this.runs = next;
  }

  /** Reads the names of tables anew, after a transaction that was given up. */
  reload(): void {
    const again = new ShardTables(this.database);
    this.runs = again.runs;
    this.weeks = again.weeks;
  }

  setting<T>(name: string): T | undefined {
    const row = this.database.first<{ value: string }>("SELECT value FROM settings WHERE name = ?", name);
    return row && (JSON.parse(row.value) as T);
  }

  keepSetting(name: string, value: unknown): void {
    this.database.all(
      "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)",
      name,
      JSON.stringify(value),
    );
  }
}

const createRuns = (name: string) => `CREATE TABLE ${name} (${RUN_COLUMNS}) STRICT, WITHOUT ROWID`;

const numbered = (names: { name: string }[], prefix: string) =>
  names
    .filter(({ name }) => name.startsWith(prefix))
    .map(({ name }) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);

/** By one seek each, however many objects there are. */
function trackedAliases(database: ShardDatabase): string[] {
  const aliases: string[] = [];
  for (let last = ""; ; aliases.push(last)) {
    const row = database.first<{ alias: string | null }>(
      "SELECT min(alias) AS alias FROM tracked WHERE alias > ?",
      last,
    );
    if (row?.alias == null) return aliases;
    last = row.alias;
  }
}
