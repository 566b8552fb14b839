-- reject: one row per refused piece of input.
-- Why: no question is asked by topic, partition and offset, and every insert and merge paid for the index.
-- Reads: nothing.
-- Key: as before.
-- Retention: as before.
-- Shard: reject_id
ALTER TABLE {table:reject} {on_cluster}
    DROP INDEX IF EXISTS origin
