-- The archive: events that are no longer hot move, with their runs, into segments in R2, and what is left of each
-- here is one compact row. And what has expired, by day.

CREATE TABLE segments (
  -- Never used again: whoever is late deletes nothing of a later one.
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  key        TEXT NOT NULL UNIQUE,
  connection TEXT NOT NULL,
  -- Of arrival, since the epoch.
  minute     INTEGER NOT NULL,
  -- writing, kept, expiring, or abandoned: begun and not ended, its object is about to be deleted.
  state      TEXT NOT NULL,
  events     INTEGER NOT NULL,
  runs       INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  -- What its bytes unpack to.
  unpacked   INTEGER NOT NULL,
  -- When it came into its state, ms.
  moved_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX segments_by_minute ON segments (minute);
CREATE INDEX segments_by_connection ON segments (connection, minute);
CREATE INDEX segments_unsettled ON segments (state, moved_at) WHERE state != 'kept';

CREATE TABLE archived (
  segment INTEGER NOT NULL,
  -- The 16 bytes of the id of the event.
  id      BLOB NOT NULL,
  -- When the event arrived, ms.
  at      INTEGER NOT NULL,
  -- 0: of a replay, 1: of a sender, 2: of an invocation.
  kind    INTEGER NOT NULL,
  -- 12 bytes of a hash of the key, 4 of a hash of connection and bucket, null: no object.
  object  BLOB,
  -- JSON, alias to final status, null: no runs.
  runs    TEXT,
  PRIMARY KEY (segment, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX archived_by_id ON archived (id);
CREATE INDEX archived_by_object ON archived (object, at, id);

-- Where the pass of the archive over the events of a connection stands.
CREATE TABLE archive_passes (
  connection  TEXT PRIMARY KEY,
  received_at TEXT NOT NULL,
  id          TEXT NOT NULL,
  -- When the next pass begins, ms.
  rest_until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Runs of a replay that are in the archive, by status: with those in the table, its progress stays exact.
CREATE TABLE replay_counts (
  replay_id TEXT NOT NULL,
  status    TEXT NOT NULL,
  runs      INTEGER NOT NULL,
  PRIMARY KEY (replay_id, status)
) STRICT, WITHOUT ROWID;

-- What was deleted because its time was over: a row for each day, table and connection.
CREATE TABLE expiries (
  -- Of the deletion, since the epoch.
  day        INTEGER NOT NULL,
  what       TEXT NOT NULL,
  -- Empty for what belongs to none.
  connection TEXT NOT NULL,
  count      INTEGER NOT NULL,
  runs       INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  -- Of what was deleted, ms.
  oldest     INTEGER NOT NULL,
  newest     INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  PRIMARY KEY (day, what, connection)
) STRICT, WITHOUT ROWID;

-- An identity outlives its event in here: a late duplicate is known by it. The day of its arrival.
ALTER TABLE event_identities ADD COLUMN day INTEGER;
UPDATE event_identities SET day = coalesce(
  (SELECT unixepoch(received_at) / 86400 FROM events WHERE events.id = event_id), unixepoch() / 86400);
CREATE INDEX event_identities_by_day ON event_identities (day);
