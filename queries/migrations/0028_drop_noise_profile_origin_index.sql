-- noise_profile: one row per device, source, template, code and day.
-- Why: no question is asked by topic, partition and offset, and every insert and merge paid for the index.
-- Reads: nothing.
-- Key: as before.
-- Retention: as before.
-- Shard: device_id
ALTER TABLE {table:noise_profile} {on_cluster}
    DROP INDEX IF EXISTS origin
