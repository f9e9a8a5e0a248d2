-- Delivery: what a redriven run is forgiven stays with it however often it is sent, and every state has a cause.

-- Attempts that no longer count: a redriven run has its full budget again.
ALTER TABLE runs ADD COLUMN forgiven INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER run_moves;
CREATE TRIGGER run_moves AFTER UPDATE OF status, attempt ON runs WHEN new.status IS NOT old.status OR new.attempt IS NOT old.attempt BEGIN INSERT INTO run_history (run_id, at, status, attempt, cause) VALUES (new.id, CAST(unixepoch('subsec') * 1000 AS INTEGER), new.status, new.attempt, iif(new.status = 'queued', 'handed to its pipeline''s queue', iif(new.status = 'running', 'attempt ' || new.attempt || ' began', iif(new.status IN ('failed', 'dead'), coalesce(new.failure ->> '$.detail', new.reason), iif(new.status = 'succeeded', coalesce(new.reason, coalesce(new.items, 0) || ' items stored'), new.reason))))); END;
