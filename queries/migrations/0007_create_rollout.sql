-- rollout: one row per rollout.
-- Why: what was planned: without it, silent devices do not show.
-- Reads: `rollout_progress`, `device_compliance`.
-- Key: rollout_id.
-- Retention: for ever.
-- Shard: rollout_id
CREATE TABLE IF NOT EXISTS {table:rollout} {on_cluster}
(
    rollout_id String COMMENT 'Names the rollout',
    name String COMMENT 'Name for people',
    kb_article UInt32 COMMENT 'Update that is rolled out',
    release_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the update was published',
    started_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the rollout began',
    deadline_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When every device is to have it',
    target_builds String COMMENT 'Revision that each build has with the update, a JSON object: {"19045":4780}',
    updated_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When this row was written; the newest wins'
)
ENGINE = {engine:ReplacingMergeTree(updated_at)}
ORDER BY rollout_id
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per rollout: what was planned: without it, silent devices do not show.'
