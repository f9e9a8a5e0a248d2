-- What a pipeline with a budget has spent on a day since the epoch, in millionths of a dollar.
CREATE TABLE budgets (
  alias      TEXT NOT NULL,
  day        INTEGER NOT NULL,
  usd_micros INTEGER NOT NULL,
  PRIMARY KEY (day, alias)
) STRICT, WITHOUT ROWID;
-- A pause because a budget is spent, and the day of which it is. Null: for another reason.
ALTER TABLE paused ADD COLUMN budget_day INTEGER;
