-- alert_notification: one row per alert, beginning, state and sink.
-- Why: who was told what, and who still has to be: a restart must not tell the same twice.
-- Reads: `patchlens alert`, `alert_state`.
-- Key: (alert_id, started_at, state, sink).
-- Retention: for ever.
-- Shard: alert_id
CREATE TABLE IF NOT EXISTS {table:alert_notification} {on_cluster}
(
    alert_id String COMMENT 'Alert',
    started_at DateTime64(6, 'UTC') COMMENT 'When it began: an alert that is raised again is told again',
    state LowCardinality(String) COMMENT 'What was told: Active, Resolved or Deleted',
    sink LowCardinality(String) COMMENT 'Name of the sink in the settings',
    delivered_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the sink took it; null while it has not',
    attempts UInt32 COMMENT 'How often it was tried',
    error String COMMENT 'Why the last attempt failed; empty when it did not',
    updated_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When this row was written; the newest wins'
)
ENGINE = {engine:ReplacingMergeTree(updated_at)}
ORDER BY (alert_id, started_at, state, sink)
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per alert, beginning, state and sink: who was told what, and who still has to be: a restart must not tell the same twice.'
