-- device_standing: one row per rollout and planned device.
-- Why: where a device stands in a rollout, as far as it depends on this device alone, made when something of it changes; the view adds what depends on the fleet.
-- Reads: `device_compliance`.
-- Key: (rollout_id, device_id); a device that is made again replaces its row. Never a source: `queries/refresh/device_standing.sql` makes it from the other tables.
-- Retention: as long as the plan.
-- Shard: device_id
CREATE TABLE IF NOT EXISTS {table:device_standing} {on_cluster}
(
    rollout_id String COMMENT 'Rollout',
    device_id String COMMENT 'Planned device',
    device_name String COMMENT 'Its own name, else that of the plan, else its id',
    site LowCardinality(String) COMMENT 'Of the plan, else of its inventory',
    ring LowCardinality(String) COMMENT 'Of the plan, else of its inventory',
    excluded UInt8 COMMENT '1 = taken out of the rollout on purpose',
    exclusion_reason String COMMENT 'Why; empty when it is in',
    is_known UInt8 COMMENT '1 = the device has an inventory',
    last_seen_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Newest report; null when there is none',
    os_build String COMMENT 'Full build with revision',
    os_build_number Nullable(UInt32) COMMENT 'Build without revision',
    ubr Nullable(UInt32) COMMENT 'Its revision',
    target_ubr Nullable(UInt32) COMMENT 'Revision that its build has with the update; null when the rollout does not say',
    hotfix_newest_on Nullable(Date) COMMENT 'Day of its newest update by its inventory',
    attempts UInt64 COMMENT 'Attempts that count for the rollout',
    outcome LowCardinality(String) COMMENT 'Of the newest attempt',
    furthest_client_substate LowCardinality(String) COMMENT 'Of the newest attempt',
    error_code Nullable(UInt32) COMMENT 'Of the newest attempt',
    state_since Nullable(DateTime64(6, 'UTC')) COMMENT 'Verdict of the newest attempt',
    installed_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Verdict of the first installed attempt',
    cause LowCardinality(String) COMMENT 'Of the open verdict',
    culprit String COMMENT 'Of the open verdict',
    cluster_key String COMMENT 'Of the open verdict',
    generation UInt64 COMMENT 'Generation of the device that the row was made from; 0 when it never reported',
    planned_at DateTime64(6, 'UTC') COMMENT 'When the newer of its plan and of its rollout was written',
    version UInt64 COMMENT 'When the row was made, in microseconds; rises, the highest wins'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (rollout_id, device_id)
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per rollout and planned device: where it stands, as far as it depends on this device alone.'
