-- update_event: one row per record of a device's logs.
-- Why: the facts that everything else is derived from, each with its address in the original file.
-- Reads: attempts and diagnoses of one device; `device_timeline`, `error_code_daily`, the identity check of delivery.
-- Key: (device_id, event_id) is the content identity: the same record collected or delivered twice is one row under FINAL. No PARTITION BY: one insert is one part, so that it is stored whole or not at all.
-- Retention: for ever; set a TTL per installation.
-- Shard: device_id
CREATE TABLE IF NOT EXISTS {table:update_event} {on_cluster}
(
    device_id String COMMENT 'Names the device for ever: the computer name in upper case unless the operator gave another id',
    event_id String COMMENT 'Content identity, 32 hexadecimal digits',
    source LowCardinality(String) COMMENT 'Format that the record was read from: windows_update_log, cbs_log, event_log, …',
    kind LowCardinality(String) COMMENT 'record, inventory or count',
    occurred_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When it happened; null when the source states no time',
    occurred_at_local Nullable(DateTime64(6, 'UTC')) COMMENT 'When it happened by the device\'s own clock on the wall; the UTC label of the type does not apply',
    zone_source LowCardinality(String) COMMENT 'How the way from local time to UTC is known: record, log, device or assumed',
    collected_at DateTime64(6, 'UTC') COMMENT 'When the collector read it',
    source_file String COMMENT 'Path inside the bundle',
    line_number UInt64 COMMENT 'Line of the record, from 1; 0 where the format has no lines',
    byte_offset UInt64 COMMENT 'Offset of the record in the original file',
    record_id Nullable(UInt64) COMMENT 'Record number of the Windows event log',
    level LowCardinality(String) COMMENT 'Severity that the log itself gave: unknown, verbose, info, warning or error',
    component LowCardinality(String) COMMENT 'Component or event provider; empty when there is none',
    channel LowCardinality(String) COMMENT 'Channel of the Windows event log; empty elsewhere',
    windows_event_id Nullable(UInt32) COMMENT 'Event id of the Windows event log',
    error_code Nullable(UInt32) COMMENT 'The failing code that this record reports',
    codes Array(UInt32) COMMENT 'All codes in the record, in reading order',
    kb_article Nullable(UInt32) COMMENT 'Update that the record is about: 5041580 for KB5041580',
    package String COMMENT 'Package identity as logged; empty when there is none',
    signal LowCardinality(String) COMMENT 'What it says about an attempt: scan_started … uninstall_succeeded; empty when nothing',
    template String COMMENT 'The message with its variable parts masked',
    message String COMMENT 'The record as it stood, redacted' CODEC(ZSTD(3)),
    fields String COMMENT 'Named values, a JSON object' CODEC(ZSTD(3)),
    device_name String COMMENT 'The device\'s name as it spells it',
    topic LowCardinality(String) COMMENT 'Topic of the event log that the row came from',
    `partition` Int32 COMMENT 'Partition of the topic',
    `offset` Int64 COMMENT 'Offset of the message',
    `row` UInt32 COMMENT 'Index of the row within the message',
    transform_version LowCardinality(String) COMMENT 'Version of the rules that made this row',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When the row was made for the store',
    INDEX origin (topic, partition, offset) TYPE minmax GRANULARITY 1,
    INDEX occurred occurred_at TYPE minmax GRANULARITY 1,
    INDEX code error_code TYPE set(64) GRANULARITY 4
)
ENGINE = {engine:ReplacingMergeTree(ingested_at)}
ORDER BY (device_id, event_id)
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per record of a device\'s logs: the facts that everything else is derived from, each with its address in the original file.'
