-- The ledger: what was heard, what was decided, what was run. docs/storage.md describes every table.

CREATE TABLE events (
  id          TEXT PRIMARY KEY,
  connection  TEXT NOT NULL,
  sender      TEXT NOT NULL,
  type        TEXT NOT NULL,
  bucket      TEXT NOT NULL,
  key         TEXT NOT NULL,
  time        TEXT NOT NULL,
  received_at TEXT NOT NULL,
  envelope    TEXT NOT NULL,
  outcome     TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_arrival ON events (received_at, id);
CREATE INDEX events_by_object ON events (connection, bucket, key, received_at);

CREATE TABLE event_identities (
  identity TEXT PRIMARY KEY,
  event_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
  id         TEXT PRIMARY KEY,
  event_id   TEXT NOT NULL,
  alias      TEXT NOT NULL,
  cause      TEXT NOT NULL,
  connection TEXT NOT NULL,
  bucket     TEXT NOT NULL,
  key        TEXT NOT NULL,
  status     TEXT NOT NULL,
  -- attempt * 10 + rank of the status: reports that come late or twice never move a run back.
  progress   INTEGER NOT NULL DEFAULT 0,
  attempt    INTEGER NOT NULL DEFAULT 0,
  version    TEXT,
  commit_id  TEXT,
  etag       TEXT,
  items      INTEGER,
  reason     TEXT,
  failure    TEXT,
  log        TEXT,
  created_at INTEGER NOT NULL,
  queued_at  INTEGER,
  started_at INTEGER,
  ended_at   INTEGER
) STRICT;
CREATE INDEX runs_by_event ON runs (event_id);
CREATE INDEX runs_by_arrival ON runs (created_at, id);
CREATE INDEX runs_by_alias ON runs (alias, created_at, id);
CREATE INDEX runs_by_status ON runs (status, created_at, id);

-- Objects that have, or may come to have, items of a pipeline: an event that the filter of such an object
-- refuses still makes a run, which removes the items if the object no longer passes.
CREATE TABLE tracked (
  connection TEXT NOT NULL,
  bucket     TEXT NOT NULL,
  key        TEXT NOT NULL,
  alias      TEXT NOT NULL,
  run_id     TEXT NOT NULL,
  PRIMARY KEY (connection, bucket, key, alias)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
  run_id   TEXT PRIMARY KEY,
  alias    TEXT NOT NULL,
  job      TEXT NOT NULL,
  failure  TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  at       INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_letters_by_time ON dead_letters (at, run_id);

CREATE TABLE rejections (
  id         INTEGER PRIMARY KEY,
  connection TEXT NOT NULL,
  scheme     TEXT NOT NULL,
  failure    TEXT NOT NULL,
  raw        TEXT,
  count      INTEGER NOT NULL DEFAULT 1,
  minute     INTEGER NOT NULL,
  at         INTEGER NOT NULL
) STRICT;
CREATE INDEX rejections_by_time ON rejections (at, id);
-- Requests that were refused are counted, one row a minute for each connection and cause, and records that
-- were proven but are no events are kept one by one.
CREATE UNIQUE INDEX rejections_by_cause ON rejections (connection, minute, scheme, failure) WHERE raw IS NULL;
