-- Makes the rows of device_standing of some devices; grain: one per rollout and planned device.
-- One insert is one part: all rows or none. Made twice it gives the same rows with a higher version.
-- A device is judged by its build and revision where the rollout states the target, else by its attempts: lists of
-- installed updates lie, because of supersedence.
INSERT INTO {table:device_standing} (
    rollout_id, device_id, device_name, site, ring, excluded, exclusion_reason, is_known, last_seen_at, os_build, os_build_number, ubr, target_ubr,
    hotfix_newest_on, attempts, outcome, furthest_client_substate, error_code, state_since, installed_at, cause, culprit, cluster_key, judged_by, standing,
    is_deleted, generation, planned_at, version
)
SELECT
    p.rollout_id, p.device_id,
    multiIf(d.device_name != '', d.device_name, p.device_name != '', p.device_name, p.device_id),
    toString(if(p.site != '', p.site, d.site)), toString(if(p.ring != '', p.ring, d.ring)), p.excluded, p.exclusion_reason,
    d.device_id != '' AS known, if(known, d.last_seen_at, NULL), d.os_build, d.os_build_number, d.ubr,
    toUInt32OrNull(toString(nullIf(JSONExtractUInt(p.target_builds, toString(ifNull(d.os_build_number, 0))), 0))) AS target,
    toDateOrNull(JSONExtractString(d.facts, 'hotfix_newest_on')),
    a.attempts, a.newest.1, a.newest.2, a.newest.3, a.newest.4,
    -- What the build shows, a failure of a second try does not take away; only its removal does.
    if(judged = 'build' AND ifNull(d.ubr >= target, 0), a.there_at, a.held_at) AS installed_at,
    g.verdict.1, g.verdict.2, g.verdict.3,
    multiIf(target IS NOT NULL AND d.ubr IS NOT NULL, 'build', a.attempts > 0, 'attempt', '') AS judged,
    multiIf(
        p.excluded = 1, 'excluded',
        NOT known, 'never_seen',
        judged = 'build' AND d.ubr >= target OR judged = 'attempt' AND a.held_at IS NOT NULL, 'installed',
        a.newest.1 IN ('pending_restart', 'installed'), 'pending_restart',
        a.newest.1 = 'in_progress', 'in_progress',
        a.newest.1 IN ('failed', 'rolled_back', 'cancelled') OR g.verdict.3 != '', 'failed',
        'not_started'),
    p.is_deleted, if(known, d.generation, 0), p.planned_at,
    greatest(toUInt64(toUnixTimestamp64Micro(now64(6))), (SELECT max(version) + 1 FROM {table:device_standing}))
FROM
(
    SELECT
        m.rollout_id AS rollout_id, r.kb_article AS kb_article, r.target_builds AS target_builds,
        m.device_id AS device_id, m.device_name AS device_name, m.site AS site, m.ring AS ring, m.excluded AS excluded,
        m.exclusion_reason AS exclusion_reason, m.is_deleted AS is_deleted, greatest(m.updated_at, r.updated_at) AS planned_at
    FROM (SELECT * FROM {table:rollout_device} FINAL PREWHERE device_id IN {device_ids:Array(String)}) AS m
    INNER JOIN (SELECT * FROM {table:rollout} FINAL) AS r ON r.rollout_id = m.rollout_id
) AS p
LEFT JOIN (SELECT * FROM {table:device} FINAL PREWHERE device_id IN {device_ids:Array(String)}) AS d ON d.device_id = p.device_id
LEFT JOIN
(
    -- The newest attempt decides; a failing attempt that names no update counts for the one that is rolled out.
    SELECT
        n.rollout_id AS rollout_id,
        n.device_id AS device_id,
        count() AS attempts,
        argMax(n.facts, n.sorted_at) AS newest,
        -- The first installation since the update was last taken off, and since it last failed; an attempt that names
        -- no update undoes none.
        arraySort(groupArrayIf(n.sorted_at.1, n.facts.1 = 'installed' AND n.sorted_at.1 > toDateTime64(0, 6, 'UTC'))) AS installs,
        maxIf(n.sorted_at.1, n.is_named AND n.facts.1 IN ('uninstalled', 'rolled_back')) AS taken_off_at,
        maxIf(n.sorted_at.1, n.is_named AND n.facts.1 IN ('uninstalled', 'rolled_back', 'failed')) AS undone_at,
        arrayFirstOrNull(at -> at >= taken_off_at, installs) AS there_at,
        arrayFirstOrNull(at -> at >= undone_at, installs) AS held_at
    FROM
    (
        SELECT
            pr.rollout_id AS rollout_id, t.device_id AS device_id, t.kb_article IS NOT NULL AS is_named,
            (toString(t.outcome), toString(t.furthest_client_substate), t.error_code, coalesce(t.ended_at, t.started_at)) AS facts,
            (ifNull(coalesce(t.ended_at, t.started_at), toDateTime64(0, 6, 'UTC')), t.kb_article IS NOT NULL, t.attempt_id) AS sorted_at
        FROM (SELECT * FROM {table:update_attempt} FINAL PREWHERE device_id IN {device_ids:Array(String)}) AS t
        INNER JOIN
        (
            SELECT m.rollout_id AS rollout_id, m.device_id AS device_id, r.kb_article AS kb_article, coalesce(r.started_at, r.release_at) AS since
            FROM (SELECT * FROM {table:rollout_device} FINAL PREWHERE device_id IN {device_ids:Array(String)}) AS m
            INNER JOIN (SELECT * FROM {table:rollout} FINAL) AS r ON r.rollout_id = m.rollout_id
        ) AS pr ON pr.device_id = t.device_id
        WHERE ifNull(t.kb_article = pr.kb_article, toString(t.outcome) NOT IN ('installed', 'uninstalled') AND ifNull(t.started_at >= pr.since, 1))
    ) AS n
    GROUP BY n.rollout_id, n.device_id
) AS a ON a.rollout_id = p.rollout_id AND a.device_id = p.device_id
LEFT JOIN
(
    -- A diagnosis that names no update counts for every rollout of its device.
    SELECT o.device_id AS device_id, o.kb AS kb, argMax((o.cause, o.culprit, o.cluster_key), o.at) AS verdict
    FROM
    (
        SELECT
            v.device_id AS device_id, toString(v.cause) AS cause, v.culprit AS culprit, v.cluster_key AS cluster_key,
            arrayJoin(if(v.kb_article IS NULL, k.kbs, [assumeNotNull(v.kb_article)])) AS kb,
            (v.kb_article IS NOT NULL, ifNull(v.last_seen_at, toDateTime64(0, 6, 'UTC')), v.diagnosis_id) AS at
        FROM (SELECT * FROM {table:diagnosis} FINAL PREWHERE device_id IN {device_ids:Array(String)} WHERE rank = 0 AND is_open = 1) AS v
        CROSS JOIN (SELECT groupUniqArray(kb_article) AS kbs FROM {table:rollout} FINAL) AS k
    ) AS o
    GROUP BY o.device_id, o.kb
) AS g ON g.device_id = p.device_id AND g.kb = p.kb_article
