-- device_state: one row per rollout and planned device.
-- Why: what lists of devices show, without what takes the rollout or the rest of the fleet to know.
-- Reads: device_standing, made by refresh/device_standing.sql, which judges each device by itself; rollout_clock, which says
-- who is silent. reports/page_devices.sql and page_device_standings.sql say the same of devices whose rollout_clock the
-- pages know already.
CREATE OR REPLACE VIEW {view:device_state} {on_cluster} AS
SELECT
    s.rollout_id AS rollout_id,
    s.device_id AS device_id,
    s.device_name AS device_name,
    CAST(s.site, 'String') AS site,
    CAST(s.ring, 'String') AS ring,
    s.os_build AS os_build,
    s.os_build_number AS os_build_number,
    s.ubr AS ubr,
    s.target_ubr AS target_ubr,
    s.hotfix_newest_on AS hotfix_newest_on,
    CAST(s.judged_by, 'String') AS judged_by,
    multiIf(s.standing IN ('excluded', 'never_seen'), CAST(s.standing, 'String'), s.last_seen_at < f.silent_before, 'stale', 'reporting') AS reporting,
    if(reporting = 'reporting', CAST(s.standing, 'String'), reporting) AS state,
    s.state_since AS state_since,
    CAST(s.outcome, 'String') AS outcome,
    s.attempts AS attempts,
    CAST(s.furthest_client_substate, 'String') AS furthest_client_substate,
    s.error_code AS error_code,
    CAST(s.cause, 'String') AS cause,
    s.culprit AS culprit,
    s.cluster_key AS cluster_key,
    s.installed_at AS installed_at,
    s.last_seen_at AS last_seen_at,
    f.as_of AS as_of,
    s.exclusion_reason AS exclusion_reason
FROM (SELECT * FROM {table:device_standing} FINAL WHERE is_deleted = 0) AS s
INNER JOIN {view:rollout_clock} AS f ON f.rollout_id = s.rollout_id
COMMENT 'One row per rollout and planned device: device_compliance without the rollout''s names and without compliance, for lists. reporting: reporting, stale (silent for the 7 days before the rollout''s newest report: rollout_clock), never_seen or excluded. state: installed, pending_restart, in_progress, failed, not_started, or why it does not report. judged_by: build, attempt or empty. cause, culprit, cluster_key: the open verdict.'
