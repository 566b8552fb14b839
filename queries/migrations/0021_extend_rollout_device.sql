-- rollout_device: one row per rollout and planned device.
-- Why: a device that was taken out of the plan stayed in every denominator.
-- Reads: `device_digest`, `device_standing`.
-- Key: (rollout_id, device_id).
-- Retention: for ever.
-- Shard: rollout_id
ALTER TABLE {table:rollout_device} {on_cluster}
    ADD COLUMN IF NOT EXISTS is_deleted UInt8 DEFAULT 0 COMMENT '1 = a later plan of the rollout no longer names the device; excluded is then 1 too' AFTER exclusion_reason
