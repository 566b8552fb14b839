-- device_digest: one row per device.
-- Why: where its records came from and which rollouts plan it were found by reading all records and all plans for each answer.
-- Reads: `pipeline_lag`, the list of devices.
-- Key: device_id; rows of an older layout are made again when a service starts.
-- Retention: as long as the device.
-- Shard: device_id
ALTER TABLE {table:device_digest} {on_cluster}
    ADD COLUMN IF NOT EXISTS rollouts Array(LowCardinality(String)) COMMENT 'Rollouts that plan it' AFTER place,
    ADD COLUMN IF NOT EXISTS arrival Nested(
        topic LowCardinality(String), partition Int32, source LowCardinality(String), events UInt64, last_offset Int64, last_collected_at DateTime64(6, 'UTC'),
        last_ingested_at DateTime64(6, 'UTC'), lag_ms Int64) COMMENT 'Where its records came from: per topic, partition and source, see the view pipeline_lag' AFTER remedy.other_failures,
    ADD COLUMN IF NOT EXISTS layout UInt16 COMMENT 'Which columns were known when the row was made; rows of an older layout are made again' AFTER planned_at
