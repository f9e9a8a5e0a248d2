-- Replays under way are looked for each minute and counted at each new one. Those that have ended stay on record.
CREATE INDEX replays_by_status ON replays (status);
