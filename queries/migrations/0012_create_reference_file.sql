-- reference_file: one row per file of reference data.
-- Why: published hashes, prerequisites, target builds and rollout plans, as the operator gave them: every stage reads the same.
-- Reads: `Store::reference_files`.
-- Key: name; a handful of rows.
-- Retention: until replaced.
CREATE TABLE IF NOT EXISTS {table:reference_file} {on_cluster}
(
    name String COMMENT 'File name',
    content String COMMENT 'The CSV text' CODEC(ZSTD(3)),
    loaded_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When it was loaded; the newest wins',
    is_deleted UInt8 DEFAULT 0 COMMENT '1 = a later load no longer has this file'
)
ENGINE = {engine:ReplacingMergeTree(loaded_at, is_deleted)}
ORDER BY name
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per file of reference data: published hashes, prerequisites, target builds and rollout plans, as the operator gave them: every stage reads the same.'
