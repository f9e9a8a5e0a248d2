-- How many runs of a pipeline have ended as dead letters in a minute, and the newest cause, for the circuit breaker.

CREATE TABLE deaths (
  alias  TEXT NOT NULL,
  minute INTEGER NOT NULL,
  deaths INTEGER NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (alias, minute)
) STRICT, WITHOUT ROWID;
