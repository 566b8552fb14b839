-- update_event: one row per record of a device's logs.
-- Why: no question is asked by topic, partition and offset, and every insert and merge paid for the index.
-- Reads: nothing.
-- Key: as before.
-- Retention: as before.
-- Shard: device_id
ALTER TABLE {table:update_event} {on_cluster}
    DROP INDEX IF EXISTS origin
