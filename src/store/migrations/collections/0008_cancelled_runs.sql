-- Runs that a person has cancelled: they may begin no more, and replace nothing. A pipeline Worker sees its
-- collection and not the ledger, so that it is told here.
CREATE TABLE cancelled_runs (
  run_id TEXT PRIMARY KEY,
  at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cancelled_runs_by_time ON cancelled_runs (at);
