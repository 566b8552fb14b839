-- noise_profile: one row per device, source, template, code and day.
-- Why: the base rate of what healthy devices also log: it tells noise from signal.
-- Reads: classification, `error_code_daily`.
-- Key: its grain; the count is the version, so that of two readings of a growing log the larger wins.
-- Retention: for ever.
-- Shard: device_id
CREATE TABLE IF NOT EXISTS {table:noise_profile} {on_cluster}
(
    device_id String COMMENT 'Device',
    event_id String COMMENT 'Content identity of the count: a larger count of the same day is another one',
    source LowCardinality(String) COMMENT 'Format',
    template String COMMENT 'The message with its variable parts masked',
    error_code UInt32 COMMENT 'Code in the records; 0 when there is none',
    `day` Date COMMENT 'Day of the records',
    `count` UInt32 COMMENT 'Records of that day',
    topic LowCardinality(String) COMMENT 'Topic of the event log that the row came from',
    `partition` Int32 COMMENT 'Partition of the topic',
    `offset` Int64 COMMENT 'Offset of the message',
    `row` UInt32 COMMENT 'Index of the row within the message',
    INDEX origin (topic, partition, offset) TYPE minmax GRANULARITY 1
)
ENGINE = {engine:ReplacingMergeTree(count)}
ORDER BY (device_id, source, template, error_code, day)
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per device, source, template, code and day: the base rate of what healthy devices also log: it tells noise from signal.'
