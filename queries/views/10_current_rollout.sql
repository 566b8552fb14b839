-- current_rollout: one row per store, none without a plan.
-- Why: pages, commands and questions that name no rollout mean the same one.
-- Reads: rollout, device.
-- A rollout that is planned for next month is not the one that runs, and logs are often analysed later than they were
-- written: it has begun when it began before the newest report, and that not later than now.
CREATE OR REPLACE VIEW {view:current_rollout} {on_cluster} AS
SELECT r.rollout_id AS rollout_id, r.name AS rollout_name, r.kb_article AS kb_article, r.begins_at AS begins_at, r.as_of AS as_of
FROM
(
    SELECT
        rollout_id, name, kb_article, coalesce(started_at, release_at) AS begins_at,
        (SELECT if(count() = 0, now64(6, 'UTC'), least(max(last_seen_at), now64(6, 'UTC'))) FROM {table:device}) AS as_of,
        ifNull(begins_at <= as_of, 1) AS has_begun,
        toUnixTimestamp64Micro(ifNull(begins_at, toDateTime64(0, 6, 'UTC'))) AS begins
    FROM {table:rollout} FINAL
) AS r
ORDER BY r.has_begun DESC, if(r.has_begun, r.begins, -r.begins) DESC, r.rollout_id DESC
LIMIT 1
COMMENT 'One row per store, none without a plan: the rollout that is meant where none is named. The newest that has begun by the time of the data (as_of), else the next one. begins_at: its start, else the release of its update; null when the plan states neither, and then it counts as begun long ago.'
