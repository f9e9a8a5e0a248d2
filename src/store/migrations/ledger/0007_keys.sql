-- API keys, of which only a hash is kept, and what was changed through the API, by which of them.

CREATE TABLE api_keys (
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL,
  -- The first characters of the key, by which a person knows it again.
  prefix       TEXT NOT NULL,
  -- SHA-256 of the whole key, in hex.
  hash         TEXT NOT NULL UNIQUE,
  -- A JSON array.
  scopes       TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  -- The id of the key that made it.
  created_by   TEXT NOT NULL,
  expires_at   INTEGER,
  revoked_at   INTEGER,
  -- The key that a rotation put in its place.
  replaced_by  TEXT,
  -- To the minute.
  last_used_at INTEGER
) STRICT;
CREATE INDEX api_keys_by_time ON api_keys (created_at, id);

CREATE TABLE audit_log (
  id         TEXT PRIMARY KEY,
  at         INTEGER NOT NULL,
  key_id     TEXT NOT NULL,
  key_name   TEXT NOT NULL,
  action     TEXT NOT NULL,
  target     TEXT,
  -- A JSON object of a few short facts, never what was sent or answered.
  detail     TEXT,
  request_id TEXT NOT NULL,
  -- The three are null until the request has been answered.
  outcome    TEXT,
  status     INTEGER,
  ended_at   INTEGER
) STRICT;
CREATE INDEX audit_log_by_time ON audit_log (at, id);
CREATE INDEX audit_log_by_key ON audit_log (key_id, at, id);
CREATE INDEX audit_log_by_target ON audit_log (target, at, id);
CREATE INDEX audit_log_by_action ON audit_log (action, at, id);
