-- Collections kept in D1: sets of items, one set per object of a pipeline, replaced as a whole.

CREATE TABLE item_sets (
  id         TEXT PRIMARY KEY,
  collection TEXT NOT NULL,
  alias      TEXT NOT NULL,
  connection TEXT NOT NULL,
  bucket     TEXT NOT NULL,
  key        TEXT NOT NULL,
  -- Fences: issued is the last one handed out, committed the one whose items are here.
  issued     INTEGER NOT NULL,
  committed  INTEGER NOT NULL DEFAULT 0,
  items      INTEGER NOT NULL DEFAULT 0,
  lineage    TEXT
) STRICT;

CREATE TABLE items (
  id         TEXT PRIMARY KEY,
  set_id     TEXT NOT NULL,
  collection TEXT NOT NULL,
  position   INTEGER NOT NULL,
  data       TEXT NOT NULL
) STRICT;
CREATE INDEX items_by_set ON items (set_id, position);
CREATE INDEX items_by_collection ON items (collection, set_id, position);

CREATE TABLE vectors (
  item_id TEXT NOT NULL,
  path    TEXT NOT NULL,
  set_id  TEXT NOT NULL,
  model   TEXT,
  span    TEXT,
  dims    INTEGER NOT NULL,
  -- Little-endian float32, dims * 4 bytes.
  vector  BLOB NOT NULL,
  PRIMARY KEY (item_id, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX vectors_by_set ON vectors (set_id);
