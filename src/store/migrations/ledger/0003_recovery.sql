-- Recovery and replay: when a run is overdue, how it came to where it is, which replay it belongs to, what
-- the items of each tracked object were made by, and pipelines that are paused.

-- When somebody should look after the run, ms: null once it is final.
ALTER TABLE runs ADD COLUMN due_at INTEGER;
ALTER TABLE runs ADD COLUMN replay_id TEXT;
UPDATE runs SET due_at = created_at + 60000 WHERE status IN ('pending', 'queued', 'running', 'failed');
CREATE INDEX runs_by_due ON runs (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX runs_by_replay ON runs (replay_id, status) WHERE replay_id IS NOT NULL;

CREATE TABLE run_history (
  run_id  TEXT NOT NULL,
  at      INTEGER NOT NULL,
  status  TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  cause   TEXT
) STRICT;
CREATE INDEX run_history_by_run ON run_history (run_id, at);

CREATE TRIGGER run_begins AFTER INSERT ON runs BEGIN INSERT INTO run_history (run_id, at, status, attempt, cause) VALUES (new.id, new.created_at, new.status, new.attempt, new.cause); END;
CREATE TRIGGER run_moves AFTER UPDATE OF status, attempt ON runs WHEN new.status IS NOT old.status OR new.attempt IS NOT old.attempt BEGIN INSERT INTO run_history (run_id, at, status, attempt, cause) VALUES (new.id, CAST(unixepoch('subsec') * 1000 AS INTEGER), new.status, new.attempt, coalesce(new.reason, new.failure ->> '$.detail')); END;

-- What the items of a tracked object were made by. stored_at orders reports that come late.
ALTER TABLE tracked ADD COLUMN stored_at INTEGER;
ALTER TABLE tracked ADD COLUMN items INTEGER;
ALTER TABLE tracked ADD COLUMN etag TEXT;
ALTER TABLE tracked ADD COLUMN size INTEGER;
ALTER TABLE tracked ADD COLUMN version TEXT;
ALTER TABLE tracked ADD COLUMN commit_id TEXT;
ALTER TABLE tracked ADD COLUMN models TEXT;
CREATE INDEX tracked_by_alias ON tracked (alias, bucket, key);

CREATE TABLE paused (
  alias  TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE replays (
  id         TEXT PRIMARY KEY,
  -- active, paused, cancelled, done
  status     TEXT NOT NULL,
  -- planning, running, draining
  phase      TEXT NOT NULL,
  request    TEXT NOT NULL,
  plan       TEXT NOT NULL,
  -- Where the next page begins, and which page that is: a page is taken once.
  cursor     TEXT,
  page       INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  moved_at   INTEGER NOT NULL,
  ended_at   INTEGER
) STRICT;
CREATE INDEX replays_by_arrival ON replays (created_at, id);
