-- device_compliance: one row per rollout and planned device.
-- Why: the denominator spelled out: every planned device is reporting, stale, never seen or excluded.
-- Reads: rollout, rollout_device, device, update_attempt, diagnosis.
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
        p.rollout_id AS rollout_id,
        p.rollout_name AS rollout_name,
        p.kb_article AS kb_article,
        p.release_at AS release_at,
        p.started_at AS started_at,
        p.device_id AS device_id,
        multiIf(d.device_name != '', d.device_name, p.device_name != '', p.device_name, p.device_id) AS device_name,
        toString(if(p.site != '', p.site, d.site)) AS site,
        toString(if(p.ring != '', p.ring, d.ring)) AS ring,
        p.excluded AS excluded,
        p.exclusion_reason AS exclusion_reason,
        d.device_id = '' AS never_seen,
        d.os_build AS os_build,
        d.os_build_number AS os_build_number,
        d.ubr AS ubr,
        toUInt32OrNull(toString(nullIf(JSONExtractUInt(p.target_builds, toString(ifNull(d.os_build_number, 0))), 0))) AS target_ubr,
        toDateOrNull(JSONExtractString(d.facts, 'hotfix_newest_on')) AS hotfix_newest_on,
        a.attempts AS attempts,
        a.outcome AS outcome,
        a.furthest_client_substate AS furthest_client_substate,
        a.error_code AS error_code,
        a.state_since AS state_since,
        a.installed_at AS installed_at,
        g.cause AS cause,
        g.culprit AS culprit,
        g.cluster_key AS cluster_key,
        multiIf(target_ubr IS NOT NULL AND ubr IS NOT NULL, 'build', attempts > 0, 'attempt', '') AS judged_by,
        -- Revisions of this branch that the fleet or the rollout knows, above the device's and up to the target.
        if(judged_by = 'build', length(arrayFilter(level -> ifNull(level > ubr AND level <= target_ubr, 0), arrayDistinct(arrayPushBack(l.levels, ifNull(target_ubr, 0))))), 0) AS missing_levels,
        if(never_seen, NULL, d.last_seen_at) AS last_seen_at,
        max(last_seen_at) OVER (PARTITION BY p.rollout_id) AS as_of
    FROM
    (
        SELECT
            m.rollout_id AS rollout_id, r.name AS rollout_name, r.kb_article AS kb_article, r.target_builds AS target_builds,
            r.release_at AS release_at, r.started_at AS started_at, m.device_id AS device_id, m.device_name AS device_name,
            m.site AS site, m.ring AS ring, m.excluded AS excluded, m.exclusion_reason AS exclusion_reason
        FROM (SELECT * FROM {table:rollout_device} FINAL) AS m
        INNER JOIN (SELECT * FROM {table:rollout} FINAL) AS r ON r.rollout_id = m.rollout_id
    ) AS p
    LEFT JOIN (SELECT * FROM {table:device} FINAL) AS d ON d.device_id = p.device_id
    LEFT JOIN
    (
        SELECT assumeNotNull(os_build_number) AS build, groupUniqArray(assumeNotNull(ubr)) AS levels
        FROM {table:device} FINAL
        WHERE ubr IS NOT NULL AND os_build_number IS NOT NULL
        GROUP BY build
    ) AS l ON l.build = ifNull(d.os_build_number, 0)
    LEFT JOIN
    (
        -- The newest attempt decides; a failing attempt that names no update counts for the one that is rolled out.
        SELECT
            n.rollout_id AS rollout_id,
            n.device_id AS device_id,
            count() AS attempts,
            argMax(n.facts, n.sorted_at) AS newest,
            newest.1 AS outcome,
            newest.2 AS furthest_client_substate,
            newest.3 AS error_code,
            newest.4 AS state_since,
            minIf(n.facts.4, n.facts.1 = 'installed') AS installed_at
        FROM
        (
            SELECT
                pr.rollout_id AS rollout_id, t.device_id AS device_id,
                (toString(t.outcome), toString(t.furthest_client_substate), t.error_code, coalesce(t.ended_at, t.started_at)) AS facts,
                (ifNull(coalesce(t.ended_at, t.started_at), toDateTime64(0, 6, 'UTC')), t.kb_article IS NOT NULL, t.attempt_id) AS sorted_at
            FROM (SELECT * FROM {table:update_attempt} FINAL) AS t
            INNER JOIN
            (
                SELECT m.rollout_id AS rollout_id, m.device_id AS device_id, r.kb_article AS kb_article, coalesce(r.started_at, r.release_at) AS since
                FROM (SELECT * FROM {table:rollout_device} FINAL) AS m
                INNER JOIN (SELECT * FROM {table:rollout} FINAL) AS r ON r.rollout_id = m.rollout_id
            ) AS pr ON pr.device_id = t.device_id
            WHERE ifNull(t.kb_article = pr.kb_article, t.outcome != 'installed' AND ifNull(t.started_at >= pr.since, 1))
        ) AS n
        GROUP BY n.rollout_id, n.device_id
    ) AS a ON a.rollout_id = p.rollout_id AND a.device_id = p.device_id
    LEFT JOIN
    (
        -- A diagnosis that names no update counts for every rollout of its device.
        SELECT o.device_id AS device_id, o.kb AS kb, argMax((o.cause, o.culprit, o.cluster_key), o.at) AS verdict, verdict.1 AS cause, verdict.2 AS culprit, verdict.3 AS cluster_key
        FROM
        (
            SELECT
                v.device_id AS device_id, toString(v.cause) AS cause, v.culprit AS culprit, v.cluster_key AS cluster_key,
                arrayJoin(if(v.kb_article IS NULL, k.kbs, [assumeNotNull(v.kb_article)])) AS kb,
                (v.kb_article IS NOT NULL, ifNull(v.last_seen_at, toDateTime64(0, 6, 'UTC')), v.diagnosis_id) AS at
            FROM (SELECT * FROM {table:diagnosis} FINAL WHERE rank = 0 AND is_open = 1) AS v
            CROSS JOIN (SELECT groupUniqArray(kb_article) AS kbs FROM {table:rollout} FINAL) AS k
        ) AS o
        GROUP BY o.device_id, o.kb
    ) AS g ON g.device_id = p.device_id AND g.kb = p.kb_article
)
COMMENT 'One row per rollout and planned device. reporting: reporting, stale (silent for the 7 days before the rollout''s newest report), never_seen or excluded. compliance, of reporting devices: Latest, Missing one, Missing multiple, empty when not known. state: installed, pending_restart, in_progress, failed, not_started, or why it does not report. judged_by: build, attempt or empty. state_since: verdict of the newest attempt. installed_at: verdict of the first installed attempt; null when only the build shows it. cause, culprit, cluster_key: the open verdict.'
