-- schema_migration: one row per applied migration.
-- Why: a changed or unknown migration must stop the program, not surprise it later.
-- Reads: `Store::migrate`.
-- Key: number; a handful of rows.
-- Retention: for ever.
CREATE TABLE IF NOT EXISTS {table:schema_migration} {on_cluster}
(
    number UInt32 COMMENT 'Number of the migration, from 1, without gaps',
    name String COMMENT 'File name',
    hash String COMMENT 'Hash of the file as it was applied',
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When it was applied'
)
ENGINE = {engine:MergeTree}
ORDER BY number
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per applied migration: a changed or unknown migration must stop the program, not surprise it later.'
