-- Requests that came with an Idempotency-Key: what they asked, and what was answered.

CREATE TABLE idempotency (
  key       TEXT NOT NULL,
  -- Method and path. The same key on another route is another key.
  route     TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  -- Null while the first request is in progress.
  status    INTEGER,
  answer    TEXT,
  location  TEXT,
  at        INTEGER NOT NULL,
  PRIMARY KEY (key, route)
) STRICT;
CREATE INDEX idempotency_by_time ON idempotency (at);
