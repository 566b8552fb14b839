-- diagnosis: one row per device and diagnosis.
-- Why: why an attempt failed; rank 0 is the verdict, the others are what remains possible.
-- Reads: `failure_cluster`, `cluster_device`, `remedy_effect`.
-- Key: (device_id, diagnosis_id): a diagnosis that is recomputed replaces itself.
-- Retention: for ever.
-- Shard: device_id
CREATE TABLE IF NOT EXISTS {table:diagnosis} {on_cluster}
(
    device_id String COMMENT 'Device',
    diagnosis_id String COMMENT 'Names the diagnosis within the device',
    `rank` UInt16 COMMENT '0 = the verdict; higher = less likely',
    attempt_id String COMMENT 'Attempt that it explains; empty when there is none',
    kb_article Nullable(UInt32) COMMENT 'Update that failed',
    cause LowCardinality(String) COMMENT 'Stable id of the cause',
    alert_subtype LowCardinality(String) COMMENT 'Coarse cause, as Microsoft\'s update reports name it',
    error_code Nullable(UInt32) COMMENT 'Code that the device reported',
    error_symbol LowCardinality(String) COMMENT 'Its symbol; empty when not known',
    inner_code Nullable(UInt32) COMMENT 'Code beneath it',
    culprit String COMMENT 'The named thing at fault; empty when none is named',
    confidence Float64 COMMENT '0 to 1',
    cluster_key String COMMENT 'Devices with the same key fail for the same reason',
    phase LowCardinality(String) COMMENT 'Where the attempt failed',
    summary_en String COMMENT 'What happened, in English',
    summary_zh String COMMENT 'What happened, in Chinese',
    actions_en Array(String) COMMENT 'What to do, in English',
    actions_zh Array(String) COMMENT 'What to do, in Chinese',
    first_seen_at Nullable(DateTime64(6, 'UTC')) COMMENT 'First evidence',
    last_seen_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Last evidence',
    is_open UInt8 COMMENT '0 = the update was installed later',
    generation UInt64 COMMENT 'Rises with every recomputation of the device; the highest wins',
    is_deleted UInt8 COMMENT '1 = the newest computation no longer has this row'
)
ENGINE = {engine:ReplacingMergeTree(generation, is_deleted)}
ORDER BY (device_id, diagnosis_id)
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per device and diagnosis: why an attempt failed; rank 0 is the verdict, the others are what remains possible.'
