-- silent_device: one row per rollout and planned device that never reported, or not for seven days.
-- Why: no news is not good news.
-- Reads: device_compliance.
CREATE OR REPLACE VIEW {view:silent_device} {on_cluster} AS
SELECT
    rollout_id,
    rollout_name,
    device_id,
    device_name,
    site,
    ring,
    reporting AS silence,
    last_seen_at,
    if(last_seen_at IS NULL, NULL, dateDiff('hour', last_seen_at, as_of)) AS silent_hours,
    os_build
FROM {view:device_compliance}
WHERE reporting IN ('stale', 'never_seen')
COMMENT 'One row per rollout and planned device that says nothing. silence: never_seen or stale. silent_hours: up to the newest report of any device of the rollout; null when never seen.'
