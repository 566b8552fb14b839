-- device_compliance: one row per rollout and planned device.
-- Why: the denominator spelled out: every planned device is reporting, stale, never seen or excluded.
-- Reads: device_state; rollout, device.
CREATE OR REPLACE VIEW {view:device_compliance} {on_cluster} AS
SELECT
    s.rollout_id AS rollout_id,
    r.name AS rollout_name,
    r.kb_article AS kb_article,
    s.device_id AS device_id,
    s.device_name AS device_name,
    s.site AS site,
    s.ring AS ring,
    s.os_build AS os_build,
    s.os_build_number AS os_build_number,
    s.ubr AS ubr,
    s.target_ubr AS target_ubr,
    s.judged_by AS judged_by,
    s.reporting AS reporting,
    -- Where its build judges a device, the revisions of its branch that the fleet or the rollout knows, above the
    -- device's and up to the target, say how many updates it lacks. Else the day of its newest update does: a device that
    -- had last month's update lacks one; whatever is older lacks several.
    multiIf(
        s.reporting != 'reporting', '',
        s.state = 'installed', 'Latest',
        s.judged_by = '' AND s.hotfix_newest_on IS NULL, '',
        if(
            s.judged_by = 'build',
            length(arrayFilter(level -> ifNull(level > s.ubr AND level <= s.target_ubr, 0), arrayDistinct(arrayPushBack(l.levels, ifNull(s.target_ubr, 0))))) > 1,
            ifNull(s.hotfix_newest_on < toDate(coalesce(r.release_at, r.started_at, s.as_of)) - 45, 0)), 'Missing multiple',
        'Missing one') AS compliance,
    s.state AS state,
    s.state_since AS state_since,
    s.outcome AS outcome,
    s.attempts AS attempts,
    s.furthest_client_substate AS furthest_client_substate,
    s.error_code AS error_code,
    if(s.error_code IS NULL, '', concat('0x', leftPad(lower(hex(s.error_code)), 8, '0'))) AS error_code_hex,
    s.cause AS cause,
    s.culprit AS culprit,
    s.cluster_key AS cluster_key,
    s.installed_at AS installed_at,
    s.last_seen_at AS last_seen_at,
    s.as_of AS as_of,
    s.exclusion_reason AS exclusion_reason
FROM {view:device_state} AS s
INNER JOIN (SELECT * FROM {table:rollout} FINAL) AS r ON r.rollout_id = s.rollout_id
LEFT JOIN
(
    SELECT assumeNotNull(os_build_number) AS build, groupUniqArray(assumeNotNull(ubr)) AS levels
    FROM {table:device} FINAL
    WHERE ubr IS NOT NULL AND os_build_number IS NOT NULL
    GROUP BY build
) AS l ON l.build = ifNull(s.os_build_number, 0)
COMMENT 'One row per rollout and planned device. reporting: reporting, stale (silent for the 7 days before the rollout''s newest report), never_seen or excluded. compliance, of reporting devices: Latest, Missing one, Missing multiple, empty when not known. state: installed, pending_restart, in_progress, failed, not_started, or why it does not report. judged_by: build, attempt or empty. state_since: verdict of the newest attempt. installed_at: verdict of the first installed attempt since the update was last taken off or failed; null when only the build shows it. cause, culprit, cluster_key: the open verdict.'
