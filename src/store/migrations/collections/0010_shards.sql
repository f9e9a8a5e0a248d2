-- A collections database of several: which sets live in it, by their ids from low up to, and without, high. Without a
-- row, all may. A row is narrowed and never widened, so that a Worker deployed before a database was added can store
-- nothing more where nobody looks for it. Settled: all sets that live here have come from where they lived before.
CREATE TABLE shard (
  one     INTEGER PRIMARY KEY CHECK (one = 1),
  low     TEXT NOT NULL,
  high    TEXT NOT NULL,
  settled INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TRIGGER sets_begin_where_they_live BEFORE INSERT ON item_sets WHEN EXISTS (SELECT 1 FROM shard WHERE new.id < low OR new.id >= high) BEGIN SELECT RAISE(ABORT, 'weir: this set lives in another database'); END;
CREATE TRIGGER sets_change_where_they_live BEFORE UPDATE ON item_sets WHEN EXISTS (SELECT 1 FROM shard WHERE new.id < low OR new.id >= high) BEGIN SELECT RAISE(ABORT, 'weir: this set lives in another database'); END;
