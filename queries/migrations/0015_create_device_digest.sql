-- device_digest: one row per device.
-- Why: what views count over the whole fleet, made once for each device when something of it changes, so that a filter that nobody asked for before reads narrow rows instead of joining the facts again.
-- Reads: `device_factor`, `cluster_device`, `cluster_factor`, `device_at_risk`, `error_code_daily`, `remedy_effect`.
-- Key: device_id; a device that is made again replaces its row, so that nothing of the old one stays. Never a source: `queries/refresh/device_digest.sql` makes it from the other tables.
-- Retention: as long as the device.
-- Shard: device_id
CREATE TABLE IF NOT EXISTS {table:device_digest} {on_cluster}
(
    device_id String COMMENT 'Device; planned devices that never reported have a row too',
    device_hash UInt64 COMMENT 'cityHash64 of the device: counts faster than its name',
    is_known UInt8 COMMENT '1 = the device has an inventory',
    is_failing UInt8 COMMENT '1 = the device has an open verdict',
    device_name String COMMENT 'Its name as it spells it; empty when it never reported',
    site LowCardinality(String) COMMENT 'Site of its inventory',
    ring LowCardinality(String) COMMENT 'Ring of its inventory',
    place Tuple(site LowCardinality(String), ring LowCardinality(String)) COMMENT 'Of its inventory, else of the newest plan that names it',
    model String COMMENT 'Model of the device',
    os_build String COMMENT 'Full build with revision',
    last_seen_at DateTime64(6, 'UTC') COMMENT 'When anything of the device was last collected; 1970 when nothing was',
    attribute Nested(name LowCardinality(String), value LowCardinality(String)) COMMENT 'What the device is: see the view device_factor',
    code Nested(day Date, error_code UInt32, attempts UInt64, records UInt64) COMMENT 'Days and error codes: failed attempts that ended with it, records that hold it',
    member Nested(
        cluster_key String, diagnosis_id String, attempt_id String, kb_article Nullable(UInt32), cause LowCardinality(String), alert_subtype LowCardinality(String),
        culprit String, error_code Nullable(UInt32), error_symbol LowCardinality(String), inner_code Nullable(UInt32), phase LowCardinality(String), confidence Float64,
        summary_en String, summary_zh String, actions_en Array(String), actions_zh Array(String),
        first_seen_at Nullable(DateTime64(6, 'UTC')), last_seen_at Nullable(DateTime64(6, 'UTC')), is_open UInt8,
        evidence_text String, evidence_file String, evidence_line UInt64) COMMENT 'Clusters that the device is or was in: see the view cluster_device',
    remedy Nested(
        cluster_key String, cause LowCardinality(String), culprit String, confidence Float64, is_open UInt8, failures UInt64,
        first_seen_at Nullable(DateTime64(6, 'UTC')), installed_at Nullable(DateTime64(6, 'UTC')), other_failures UInt64) COMMENT 'Failed attempts with a verdict and what came of them: see the view remedy_effect',
    generation UInt64 COMMENT 'Generation of the device that the row was made from; 0 when it never reported',
    planned_at DateTime64(6, 'UTC') COMMENT 'When the newest plan that names it was written; 1970 when none does',
    version UInt64 COMMENT 'When the row was made, in microseconds; rises, the highest wins'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY device_id
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per device: what views count over the whole fleet, made once for each device when something of it changes.'
