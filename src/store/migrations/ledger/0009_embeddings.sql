-- Embeddings that the last attempt of a run asked for, and how many of them were known from before.
ALTER TABLE runs ADD COLUMN embedded INTEGER;
ALTER TABLE runs ADD COLUMN embedded_known INTEGER;
