-- device_digest: one row per device.
-- Why: alert rules grouped all attempts of the fleet by device and update, for each evaluation.
-- Reads: `update_try`.
-- Key: device_id; rows of an older layout are made again when a service starts.
-- Retention: as long as the device.
-- Shard: device_id
ALTER TABLE {table:device_digest} {on_cluster}
    ADD COLUMN IF NOT EXISTS try Nested(
        kb_article UInt32, tried_at DateTime64(6, 'UTC'), installed_at Nullable(DateTime64(6, 'UTC')), rolled_back_at Nullable(DateTime64(6, 'UTC')),
        failures Array(Tuple(UInt32, DateTime64(6, 'UTC')))) COMMENT 'Updates that it tried: see the view update_try' AFTER remedy.other_failures
