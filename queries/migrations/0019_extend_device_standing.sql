-- device_standing: one row per rollout and planned device.
-- Why: the state of a device in a rollout depends on the fleet only where the device is silent; the rest was judged again by each query.
-- Reads: `device_state`.
-- Key: (rollout_id, device_id); rows of an older layout are made again when a service starts.
-- Retention: as long as the plan.
-- Shard: device_id
ALTER TABLE {table:device_standing} {on_cluster}
    ADD COLUMN IF NOT EXISTS judged_by LowCardinality(String) COMMENT 'What says whether it has the update: build, attempt or empty' AFTER cluster_key,
    ADD COLUMN IF NOT EXISTS standing LowCardinality(String) COMMENT 'excluded, never_seen, or its state as long as it reports: installed, pending_restart, in_progress, failed or not_started' AFTER judged_by
