-- A ledger of before the shards is moved into them and into the log, a page at a time (src/store/moving). The tables that
-- it leaves are dropped by that move, not by a migration: what they hold must be elsewhere first.

CREATE TABLE moving (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  step     TEXT NOT NULL,
  -- Of all steps: whoever takes a page in twice knows it by this.
  page     INTEGER NOT NULL,
  -- JSON places: the page under way has the rows after the one, up to the other. Null: the beginning, or no page yet.
  after    TEXT,
  upto     TEXT,
  -- Row of the last event that was moved, for a last look at what came later.
  event    INTEGER NOT NULL,
  moved    INTEGER NOT NULL,
  total    INTEGER NOT NULL,
  -- Objects of the archive that were not in the bucket.
  missing  INTEGER NOT NULL,
  began_at INTEGER,
  done_at  INTEGER
) STRICT;
INSERT INTO moving (id, step, page, event, moved, total, missing) VALUES (1, 'begin', 0, 0, 0, 0, 0);

-- The 16 bytes of the ids that events had, and those that they have.
CREATE TABLE old_ids (
  old     BLOB PRIMARY KEY,
  new     BLOB NOT NULL,
  -- 1: a run of it had not ended, so that its job may be under way under the old id.
  is_open INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX old_ids_open ON old_ids (new) WHERE is_open = 1;
