-- Numbers of shards that the ledger has had: the newest is the one in use or announced, and moved_at says when all had moved.

CREATE TABLE ledger_shards (
  shards       INTEGER PRIMARY KEY,
  announced_at INTEGER NOT NULL,
  moved_at     INTEGER
) STRICT;
