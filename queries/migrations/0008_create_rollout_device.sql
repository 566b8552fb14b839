-- rollout_device: one row per rollout and planned device.
-- Why: the denominator of every share: planned devices, not those that happen to report.
-- Reads: `device_compliance`, `silent_device`.
-- Key: (rollout_id, device_id).
-- Retention: for ever.
-- Shard: rollout_id
CREATE TABLE IF NOT EXISTS {table:rollout_device} {on_cluster}
(
    rollout_id String COMMENT 'Rollout',
    device_id String COMMENT 'Planned device',
    device_name String COMMENT 'Its name in the plan',
    site LowCardinality(String) COMMENT 'Its site in the plan',
    ring LowCardinality(String) COMMENT 'Its ring in the plan',
    excluded UInt8 COMMENT '1 = taken out of the rollout on purpose',
    exclusion_reason String COMMENT 'Why; empty when it is not excluded',
    updated_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When this row was written; the newest wins'
)
ENGINE = {engine:ReplacingMergeTree(updated_at)}
ORDER BY (rollout_id, device_id)
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per rollout and planned device: the denominator of every share: planned devices, not those that happen to report.'
