-- How many runs have ended how, and after how long: counted as they end, so that the sums outlive the runs.

CREATE TABLE tallies (
  alias   TEXT NOT NULL,
  status  TEXT NOT NULL,
  runs    INTEGER NOT NULL,
  -- Wall time of the last attempts, seconds.
  seconds REAL NOT NULL,
  PRIMARY KEY (alias, status)
) STRICT, WITHOUT ROWID;

INSERT INTO tallies (alias, status, runs, seconds)
SELECT alias, status, count(*), coalesce(sum(ended_at - started_at), 0) / 1000.0 FROM runs
WHERE status IN ('succeeded', 'skipped', 'dead', 'cancelled') GROUP BY alias, status;

CREATE TRIGGER run_ends AFTER UPDATE OF status ON runs WHEN new.status IN ('succeeded', 'skipped', 'dead', 'cancelled') AND new.status IS NOT old.status BEGIN INSERT INTO tallies (alias, status, runs, seconds) VALUES (new.alias, new.status, 1, coalesce(new.ended_at - new.started_at, 0) / 1000.0) ON CONFLICT (alias, status) DO UPDATE SET runs = runs + 1, seconds = seconds + excluded.seconds; END;
