-- update_attempt: one row per device and attempt.
-- Why: an attempt's verdict tells a failure from noise; a failing code alone does not.
-- Reads: `device_compliance`, `time_to_patch`, `device_timeline`.
-- Key: (device_id, attempt_id): an attempt that is recomputed replaces itself.
-- Retention: for ever.
-- Shard: device_id
CREATE TABLE IF NOT EXISTS {table:update_attempt} {on_cluster}
(
    device_id String COMMENT 'Device',
    attempt_id String COMMENT 'Names the attempt within the device',
    kb_article Nullable(UInt32) COMMENT 'Update that was tried',
    title String COMMENT 'Title of the update as logged',
    started_at Nullable(DateTime64(6, 'UTC')) COMMENT 'First sign of the attempt',
    ended_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Verdict of the attempt; null while it runs',
    outcome LowCardinality(String) COMMENT 'in_progress, installed, failed, rolled_back, cancelled or pending_restart',
    furthest_client_substate LowCardinality(String) COMMENT 'How far it got: OfferReceived … UpdateInstalled',
    client_state LowCardinality(String) COMMENT 'Where it stands: Offering, Installing, Installed, …',
    client_substate LowCardinality(String) COMMENT 'Where it stands within the state',
    error_code Nullable(UInt32) COMMENT 'Code that the device reported for the attempt',
    inner_code Nullable(UInt32) COMMENT 'Code beneath it',
    extend_code Nullable(UInt32) COMMENT 'Setup phase and operation',
    phase LowCardinality(String) COMMENT 'Where it failed: scan, download, stage, install, restart or rollback; empty when it did not',
    sources Array(String) COMMENT 'Formats that bear witness',
    generation UInt64 COMMENT 'Rises with every recomputation of the device; the highest wins',
    is_deleted UInt8 COMMENT '1 = the newest computation no longer has this row'
)
ENGINE = {engine:ReplacingMergeTree(generation, is_deleted)}
ORDER BY (device_id, attempt_id)
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per device and attempt: an attempt\'s verdict tells a failure from noise; a failing code alone does not.'
