-- The search index has the set as it was committed under this number. Where committed is greater, it is still to come.
-- Sets from before there was an index are brought to it in the same way.
ALTER TABLE item_sets ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX item_sets_unindexed ON item_sets (collection, id) WHERE committed > indexed;
-- Vectors of the sampled frames of a span: their number and seconds as float64, then int8.
ALTER TABLE vectors ADD COLUMN frames BLOB;
