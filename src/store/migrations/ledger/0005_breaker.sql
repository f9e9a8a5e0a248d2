-- A pause by the circuit breaker: when the next run is let through to see whether the pipeline works again.
-- Null: a person paused it, and only a person resumes it.
ALTER TABLE paused ADD COLUMN probe_at INTEGER;
