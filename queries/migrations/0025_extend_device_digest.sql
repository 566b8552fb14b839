-- device_digest: one row per device.
-- Why: an installation closed failures that came after it, and attempts that name no update were never made good.
-- Reads: `update_try`.
-- Key: device_id; rows of an older layout are made again when a service starts.
-- Retention: as long as the device.
-- Shard: device_id
ALTER TABLE {table:device_digest} {on_cluster}
    ADD COLUMN IF NOT EXISTS `try.lapses` Array(Array(Tuple(UInt32, DateTime64(6, 'UTC'), Nullable(DateTime64(6, 'UTC'))))) COMMENT 'Times without the update after a failure: see the view update_try' AFTER `try.failures`
