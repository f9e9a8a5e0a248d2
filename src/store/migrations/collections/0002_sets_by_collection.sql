-- Sets of a collection in order of their ids: an audit walks them.
CREATE INDEX item_sets_by_collection ON item_sets (collection, id);
