-- evidence: one row per device, diagnosis and piece of evidence.
-- Why: no claim without the line that it rests on, with its address in the original file.
-- Reads: `cluster_device`, the device page.
-- Key: (device_id, diagnosis_id, seq).
-- Retention: as long as the diagnosis.
-- Shard: device_id
CREATE TABLE IF NOT EXISTS {table:evidence} {on_cluster}
(
    device_id String COMMENT 'Device',
    diagnosis_id String COMMENT 'Diagnosis that rests on it',
    seq UInt16 COMMENT 'Order of the evidence, from 0',
    event_id String COMMENT 'The record, in update_event',
    source LowCardinality(String) COMMENT 'Format that it was read from',
    source_file String COMMENT 'Path inside the bundle',
    line_number UInt64 COMMENT 'Line, from 1; 0 where the format has no lines',
    byte_offset UInt64 COMMENT 'Offset in the original file',
    record_id Nullable(UInt64) COMMENT 'Record number of the Windows event log',
    occurred_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When it happened',
    `text` String COMMENT 'The record as it stood, redacted' CODEC(ZSTD(3)),
    role LowCardinality(String) COMMENT 'verdict, cause, culprit or context',
    generation UInt64 COMMENT 'Rises with every recomputation of the device; the highest wins',
    is_deleted UInt8 COMMENT '1 = the newest computation no longer has this row'
)
ENGINE = {engine:ReplacingMergeTree(generation, is_deleted)}
ORDER BY (device_id, diagnosis_id, seq)
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per device, diagnosis and piece of evidence: no claim without the line that it rests on, with its address in the original file.'
