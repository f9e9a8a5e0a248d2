-- Erasures: what is to be erased, how far that is, and the signed receipt. A key is here in the clear only until its erasure is done.

CREATE TABLE erasures (
  id         TEXT PRIMARY KEY,
  -- sweeping, settling, done
  status     TEXT NOT NULL,
  dry_run    INTEGER NOT NULL,
  connection TEXT NOT NULL,
  -- Keyed hash of the scope.
  hash       TEXT NOT NULL,
  -- JSON of the scope, null once the erasure is done.
  scope      TEXT,
  key_id     TEXT NOT NULL,
  key_name   TEXT NOT NULL,
  -- The next page: which sweep, which store, where in it. A page counts once, by its number.
  sweep      INTEGER NOT NULL,
  store      TEXT NOT NULL,
  cursor     TEXT,
  page       INTEGER NOT NULL,
  -- What is of this time or earlier goes, ms.
  erased_at  INTEGER NOT NULL,
  moved_at   INTEGER NOT NULL,
  ended_at   INTEGER,
  -- Why the last page failed, null where it did not.
  trouble    TEXT,
  receipt    TEXT
) STRICT;
CREATE INDEX erasures_by_time ON erasures (erased_at, id);
CREATE INDEX erasures_open ON erasures (hash, dry_run) WHERE status != 'done';

-- What each page finds, on record before any of it goes. Deleted when the erasure is done.
CREATE TABLE erasure_counts (
  erasure TEXT NOT NULL,
  place   TEXT NOT NULL,
  what    TEXT NOT NULL,
  count   INTEGER NOT NULL,
  PRIMARY KEY (erasure, place, what)
) STRICT, WITHOUT ROWID;

-- Objects that an erasure has found, by their keys. Deleted when the erasure is done.
CREATE TABLE erasure_objects (
  erasure TEXT NOT NULL,
  bucket  TEXT NOT NULL,
  key     TEXT NOT NULL,
  PRIMARY KEY (erasure, bucket, key)
) STRICT, WITHOUT ROWID;

-- Keyed hashes of what was erased, so that a late event does not bring it back. A prefix has its length.
CREATE TABLE tombstones (
  hash      TEXT PRIMARY KEY,
  length    INTEGER,
  erased_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_of_prefixes ON tombstones (length, hash, erased_at) WHERE length IS NOT NULL;
