-- device: one row per device.
-- Why: what the device is, by its latest inventory: it decides between causes that share a code.
-- Reads: every view that shows a device; `cluster_factor`, `device_compliance`.
-- Key: device_id.
-- Retention: for ever.
-- Shard: device_id
CREATE TABLE IF NOT EXISTS {table:device} {on_cluster}
(
    device_id String COMMENT 'Names the device for ever',
    device_name String COMMENT 'The device\'s name as it spells it',
    os_build String COMMENT 'Full build with revision, 10.0.17763.2090',
    os_build_number Nullable(UInt32) COMMENT '17763',
    ubr Nullable(UInt32) COMMENT 'Update build revision, 2090',
    os_name String COMMENT 'Product name',
    os_edition String COMMENT 'Edition id',
    architecture LowCardinality(String) COMMENT 'x64, x86 or arm64',
    model String COMMENT 'Model of the device',
    manufacturer String COMMENT 'Manufacturer of the device',
    site LowCardinality(String) COMMENT 'Site',
    ring LowCardinality(String) COMMENT 'Deployment ring',
    locale LowCardinality(String) COMMENT 'Display language',
    last_seen_at DateTime64(6, 'UTC') COMMENT 'When anything of the device was last collected',
    facts String COMMENT 'All facts of the inventory, a JSON object' CODEC(ZSTD(3)),
    generation UInt64 COMMENT 'Rises with every recomputation of the device; the highest wins'
)
ENGINE = {engine:ReplacingMergeTree(generation)}
ORDER BY device_id
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per device: what the device is, by its latest inventory: it decides between causes that share a code.'
