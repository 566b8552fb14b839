-- rollout_clock: one row per rollout with planned devices.
-- Why: up to when a rollout is known, and who counts as silent by then.
-- Reads: device_standing, made by refresh/device_standing.sql.
-- Silent means silent for seven days before the newest report of any device of the rollout: logs are often analysed
-- later than they were written, and the answer must not change while nothing arrives. A fleet that is silent as a
-- whole shows in pipeline_lag. A report from the future, of a device or collector whose clock is ahead, makes nobody
-- else silent, and is not taken for the newest while others are. The hour is enough, and answers that name it hold while devices report.
CREATE OR REPLACE VIEW {view:rollout_clock} {on_cluster} AS
SELECT
    n.rollout_id AS rollout_id,
    ifNull(maxOrNullIf(n.last_seen_at, n.last_seen_at <= now64(6, 'UTC')), least(max(n.last_seen_at), now64(6, 'UTC'))) AS as_of,
    toStartOfHour(as_of - INTERVAL 7 DAY) AS silent_before
FROM {table:device_standing} AS n FINAL
WHERE n.is_deleted = 0
GROUP BY n.rollout_id
COMMENT 'One row per rollout with planned devices. as_of: newest report of any of them, null when none reported. silent_before: a device whose newest report is older is stale: seven days before as_of, at the full hour.'
