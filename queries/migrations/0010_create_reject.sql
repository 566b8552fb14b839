-- reject: one row per refused piece of input.
-- Why: what could not be read is kept with its bytes, and can be read again by a later version.
-- Reads: `patchlens replay-rejects`, the pipeline page.
-- Key: reject_id, a hash over device, place and bytes.
-- Retention: until replayed.
-- Shard: reject_id
CREATE TABLE IF NOT EXISTS {table:reject} {on_cluster}
(
    reject_id String COMMENT 'Content identity',
    device_id String COMMENT 'Device; empty when not known',
    reason LowCardinality(String) COMMENT 'Why, from a closed set',
    detail String COMMENT 'Why, in words',
    source_file String COMMENT 'Path inside the bundle',
    line_number UInt64 COMMENT 'Line, from 1; 0 where there is none',
    byte_offset UInt64 COMMENT 'Offset in the original file',
    raw String COMMENT 'The bytes' CODEC(ZSTD(3)),
    collected_at DateTime64(6, 'UTC') COMMENT 'When the collector met it',
    refused_by LowCardinality(String) COMMENT 'Which stage refused it',
    topic LowCardinality(String) COMMENT 'Topic of the event log that the row came from',
    `partition` Int32 COMMENT 'Partition of the topic',
    `offset` Int64 COMMENT 'Offset of the message',
    `row` UInt32 COMMENT 'Index of the row within the message',
    INDEX origin (topic, partition, offset) TYPE minmax GRANULARITY 1
)
ENGINE = {engine:ReplacingMergeTree(collected_at)}
ORDER BY reject_id
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per refused piece of input: what could not be read is kept with its bytes, and can be read again by a later version.'
