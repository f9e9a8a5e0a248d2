// Tables of one shard of an index, in its Durable Object's SQLite. docs/search.md describes them.

/** Creates what is not there yet. */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS sets (
    id     INTEGER PRIMARY KEY,
    -- Id of the set; of one that is still arriving, '~' and its ticket.
    name   TEXT NOT NULL UNIQUE,
    -- Number of the replacement in the collection: a smaller one is older.
    number INTEGER NOT NULL,
    -- Rebuilding that last brought it, or that was under way when a run stored it.
    epoch  INTEGER NOT NULL,
    object INTEGER NOT NULL,
    items  INTEGER NOT NULL,
    at     TEXT NOT NULL,
    head   TEXT NOT NULL,
    -- Ids of its docs in order of their positions, uint32.
    docs   BLOB NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS sets_by_at ON sets (at);
  CREATE TABLE IF NOT EXISTS docs (
    id   INTEGER PRIMARY KEY,
    span TEXT,
    data TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS spaces (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
  ) STRICT;
  CREATE TABLE IF NOT EXISTS vectors (
    id      INTEGER PRIMARY KEY,
    set_id  INTEGER NOT NULL,
    space   INTEGER NOT NULL,
    -- For each row its doc (uint32), the sum of its squares (uint32), and its second (float64), where any has one.
    docs    BLOB NOT NULL,
    squares BLOB NOT NULL,
    seconds BLOB,
    -- Rows of int8.
    data    BLOB NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS vectors_by_set ON vectors (set_id);
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    prose, name, grams,
    content = '', contentless_delete = 1, tokenize = 'porter unicode61 remove_diacritics 2'
  );
`;

/** Weights of the columns of `words`: prose, the object's name, pieces of codes. */
export const WEIGHTS = "1.0, 0.5, 0.7";
