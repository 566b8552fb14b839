-- time_to_patch: one row per rollout and installed device.
-- Why: are we getting faster.
-- Reads: device_state, rollout. An installation that is a day later than the newest report bears the time of a clock that is ahead.
CREATE OR REPLACE VIEW {view:time_to_patch} {on_cluster} AS
SELECT
    c.rollout_id AS rollout_id,
    c.device_id AS device_id,
    c.device_name AS device_name,
    c.site AS site,
    c.ring AS ring,
    c.attempts AS attempts,
    c.installed_at AS installed_at,
    if(ifNull(installed_at BETWEEN r.started_at AND c.as_of + INTERVAL 1 DAY, 0), dateDiff('second', r.started_at, installed_at) / 3600, NULL) AS hours_from_start,
    if(ifNull(installed_at BETWEEN r.release_at AND c.as_of + INTERVAL 1 DAY, 0), dateDiff('second', r.release_at, installed_at) / 3600, NULL) AS hours_from_release,
    if(installed_at > c.as_of + INTERVAL 1 DAY, NULL, installed_at <= r.deadline_at) AS before_deadline
FROM (SELECT * FROM {view:device_state} WHERE state = 'installed') AS c
INNER JOIN (SELECT * FROM {table:rollout} FINAL) AS r ON r.rollout_id = c.rollout_id
COMMENT 'One row per rollout and installed device. installed_at: end of its first successful attempt; null when only the build shows that it is installed, and then the hours are null too, as they are of what was installed before the start (the release), and where it is more than a day later than the newest report. before_deadline: null without a deadline or a time.'
