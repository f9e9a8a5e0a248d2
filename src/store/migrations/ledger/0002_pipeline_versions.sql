-- What each deployment ran: so that a recorded event can be explained by the filters of its own time.

CREATE TABLE pipeline_versions (
  alias      TEXT NOT NULL,
  version    TEXT NOT NULL,
  config     TEXT NOT NULL,
  first_seen INTEGER NOT NULL,
  PRIMARY KEY (alias, version)
) STRICT, WITHOUT ROWID;

-- versions is the whole registry, alias to version, and events.outcome names its deployment by id. A time
-- could not tell: two deployments overlap while one replaces the other, and an old one may come back.
CREATE TABLE deployments (
  id         TEXT PRIMARY KEY,
  versions   TEXT NOT NULL,
  first_seen INTEGER NOT NULL
) STRICT;

CREATE INDEX events_by_connection ON events (connection, received_at, id);
