-- alert: one row per alert.
-- Why: what was raised, and when it ended, so that nobody is told the same twice.
-- Reads: `patchlens alert`, the overview page.
-- Key: alert_id.
-- Retention: for ever.
-- Shard: alert_id
CREATE TABLE IF NOT EXISTS {table:alert} {on_cluster}
(
    alert_id String COMMENT 'Hash over rule and labels: the same condition is the same alert',
    rule LowCardinality(String) COMMENT 'Rule that raised it',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    state LowCardinality(String) COMMENT 'firing or resolved',
    rollout_id String COMMENT 'Rollout that it is about; empty when none',
    cluster_key String COMMENT 'Cluster that it is about; empty when none',
    error_code Nullable(UInt32) COMMENT 'Code that it is about',
    devices UInt32 COMMENT 'Devices concerned when it was last looked at',
    summary String COMMENT 'What is wrong, in one line',
    started_at DateTime64(6, 'UTC') COMMENT 'When it began',
    ended_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ended',
    notified_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When somebody was last told',
    updated_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When this row was written; the newest wins'
)
ENGINE = {engine:ReplacingMergeTree(updated_at)}
ORDER BY alert_id
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per alert: what was raised, and when it ended, so that nobody is told the same twice.'
