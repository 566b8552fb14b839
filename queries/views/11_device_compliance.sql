-- device_compliance: one row per rollout and planned device.
-- Why: the denominator spelled out: every planned device is reporting, stale, never seen or excluded.
-- Reads: device_standing, made by refresh/device_standing.sql; rollout, device.
-- A device is judged by its build and revision where the rollout states the target, else by its attempts:
-- lists of installed updates lie, because of supersedence. Silent means silent for seven days before the
-- newest report of any device of the rollout: logs are often analysed later than they were written, and the
-- answer must not change while nothing arrives. A fleet that is silent as a whole shows in pipeline_lag.
CREATE OR REPLACE VIEW {view:device_compliance} {on_cluster} AS
SELECT
    rollout_id,
    rollout_name,
    kb_article,
    device_id,
    device_name,
    site,
    ring,
    os_build,
    os_build_number,
    ubr,
    target_ubr,
    judged_by,
    multiIf(excluded = 1, 'excluded', never_seen, 'never_seen', last_seen_at < as_of - INTERVAL 7 DAY, 'stale', 'reporting') AS reporting,
    -- A device that had last month's update lacks one; whatever is older lacks several.
    multiIf(
        reporting != 'reporting', '',
        judged_by = 'build' AND ubr >= target_ubr OR judged_by = 'attempt' AND installed_at IS NOT NULL, 'Latest',
        judged_by = '' AND hotfix_newest_on IS NULL, '',
        missing_levels > 1 OR ifNull(hotfix_newest_on < toDate(coalesce(release_at, started_at, as_of)) - 45, 0), 'Missing multiple',
        'Missing one') AS compliance,
    multiIf(
        reporting != 'reporting', reporting,
        compliance = 'Latest', 'installed',
        outcome IN ('pending_restart', 'installed'), 'pending_restart',
        outcome = 'in_progress', 'in_progress',
        outcome IN ('failed', 'rolled_back', 'cancelled') OR cluster_key != '', 'failed',
        'not_started') AS state,
    state_since,
    outcome,
    attempts,
    furthest_client_substate,
    error_code,
    if(error_code IS NULL, '', concat('0x', leftPad(lower(hex(error_code)), 8, '0'))) AS error_code_hex,
    cause,
    culprit,
    cluster_key,
    installed_at,
    last_seen_at,
    as_of,
    exclusion_reason
FROM
(
    SELECT
        s.rollout_id AS rollout_id,
        r.name AS rollout_name,
        r.kb_article AS kb_article,
        r.release_at AS release_at,
        r.started_at AS started_at,
        s.device_id AS device_id,
        s.device_name AS device_name,
        CAST(s.site, 'String') AS site,
        CAST(s.ring, 'String') AS ring,
        s.excluded AS excluded,
        s.exclusion_reason AS exclusion_reason,
        s.is_known = 0 AS never_seen,
        s.os_build AS os_build,
        s.os_build_number AS os_build_number,
        s.ubr AS ubr,
        s.target_ubr AS target_ubr,
        s.hotfix_newest_on AS hotfix_newest_on,
        s.attempts AS attempts,
        CAST(s.outcome, 'String') AS outcome,
        CAST(s.furthest_client_substate, 'String') AS furthest_client_substate,
        s.error_code AS error_code,
        s.state_since AS state_since,
        s.installed_at AS installed_at,
        CAST(s.cause, 'String') AS cause,
        s.culprit AS culprit,
        s.cluster_key AS cluster_key,
        multiIf(s.target_ubr IS NOT NULL AND s.ubr IS NOT NULL, 'build', s.attempts > 0, 'attempt', '') AS judged_by,
        -- Revisions of this branch that the fleet or the rollout knows, above the device's and up to the target.
        if(judged_by = 'build' AND s.ubr < s.target_ubr, length(arrayFilter(level -> ifNull(level > s.ubr AND level <= s.target_ubr, 0), arrayDistinct(arrayPushBack(l.levels, ifNull(s.target_ubr, 0))))), 0) AS missing_levels,
        s.last_seen_at AS last_seen_at,
        f.as_of AS as_of
    FROM (SELECT * FROM {table:device_standing} FINAL) AS s
    INNER JOIN (SELECT * FROM {table:rollout} FINAL) AS r ON r.rollout_id = s.rollout_id
    INNER JOIN
    (
        SELECT n.rollout_id AS rollout_id, max(n.last_seen_at) AS as_of
        FROM (SELECT rollout_id, last_seen_at FROM {table:device_standing} FINAL) AS n
        GROUP BY n.rollout_id
    ) AS f ON f.rollout_id = s.rollout_id
    LEFT JOIN
    (
        SELECT assumeNotNull(os_build_number) AS build, groupUniqArray(assumeNotNull(ubr)) AS levels
        FROM {table:device} FINAL
        WHERE ubr IS NOT NULL AND os_build_number IS NOT NULL
        GROUP BY build
    ) AS l ON l.build = ifNull(s.os_build_number, 0)
)
COMMENT 'One row per rollout and planned device. reporting: reporting, stale (silent for the 7 days before the rollout''s newest report), never_seen or excluded. compliance, of reporting devices: Latest, Missing one, Missing multiple, empty when not known. state: installed, pending_restart, in_progress, failed, not_started, or why it does not report. judged_by: build, attempt or empty. state_since: verdict of the newest attempt. installed_at: verdict of the first installed attempt; null when only the build shows it. cause, culprit, cluster_key: the open verdict.'
