-- device_standing: one row per rollout and planned device.
-- Why: a device that was taken out of the plan stayed in every denominator.
-- Reads: `device_state`.
-- Key: (rollout_id, device_id); rows of an older layout are made again when a service starts.
-- Retention: as long as the plan.
-- Shard: device_id
ALTER TABLE {table:device_standing} {on_cluster}
    ADD COLUMN IF NOT EXISTS is_deleted UInt8 DEFAULT 0 COMMENT '1 = the plan no longer names the device; excluded is then 1 too' AFTER standing
