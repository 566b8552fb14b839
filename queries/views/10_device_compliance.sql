-- device_compliance: one row per rollout and planned device.
-- Why: the denominator spelled out: every planned device is reporting, stale, never seen or excluded.
-- Reads: rollout, rollout_device, device, update_attempt.
CREATE OR REPLACE VIEW device_compliance {on_cluster} AS
WITH
    -- Logs are often analysed later than they were written, so age is measured from the newest
    -- record of the fleet; a fleet that is silent as a whole shows in pipeline_lag.
    (SELECT max(last_seen_at) FROM device FINAL) AS fleet_newest_at
SELECT
    p.rollout_id AS rollout_id,
    r.name AS rollout_name,
    r.kb_article AS kb_article,
    p.device_id AS device_id,
    if(d.device_name != '', d.device_name, p.device_name) AS device_name,
    if(p.site != '', toString(p.site), toString(d.site)) AS site,
    if(p.ring != '', toString(p.ring), toString(d.ring)) AS ring,
    d.os_build AS os_build,
    d.os_build_number AS os_build_number,
    d.ubr AS ubr,
    nullIf(JSONExtract(r.target_builds, 'Map(String, UInt32)')[toString(ifNull(d.os_build_number, 0))], 0) AS target_ubr,
    multiIf(
        p.excluded = 1, 'excluded',
        d.device_id = '', 'never_seen',
        ifNull(d.last_seen_at < fleet_newest_at - toIntervalDay(7), 1), 'stale',
        'reporting') AS reporting,
    multiIf(
        ifNull(d.ubr >= target_ubr, 0) OR a.outcome = 'installed', 'installed',
        a.outcome = '', 'not_started',
        a.outcome = 'pending_restart', 'pending_restart',
        a.outcome = 'in_progress', 'in_progress',
        a.outcome = 'cancelled', 'not_started',
        'failed') AS state,
    coalesce(a.ended_at, a.started_at) AS state_since,
    multiIf(
        reporting IN ('excluded', 'never_seen'), '',
        state = 'installed', 'Latest',
        d.ubr IS NULL AND JSONExtractString(d.facts, 'hotfix_newest_on') = '', '',
        -- A device that had last month's update lacks one; whatever is older lacks several.
        ifNull(toDateOrNull(JSONExtractString(d.facts, 'hotfix_newest_on')) >= toDate(coalesce(r.release_at, r.started_at, fleet_newest_at)) - 45, 1), 'Missing one',
        'Missing multiple') AS compliance,
    a.error_code AS error_code,
    if(a.error_code IS NULL, '', concat('0x', lower(leftPad(hex(assumeNotNull(a.error_code)), 8, '0')))) AS error_code_hex,
    a.furthest_client_substate AS furthest_client_substate,
    a.installed_at AS installed_at,
    d.last_seen_at AS last_seen_at,
    p.exclusion_reason AS exclusion_reason
FROM (SELECT * FROM rollout_device FINAL) AS p
INNER JOIN (SELECT * FROM rollout FINAL) AS r ON r.rollout_id = p.rollout_id
LEFT JOIN (SELECT * FROM device FINAL) AS d ON d.device_id = p.device_id
LEFT JOIN
(
    -- The newest attempt decides; an attempt without a KB counts for the update that is rolled out.
    SELECT
        device_id,
        rollout_id,
        argMax(toString(n.outcome), sorted_at) AS outcome,
        argMax(tuple(n.started_at), sorted_at).1 AS started_at,
        argMax(tuple(n.ended_at), sorted_at).1 AS ended_at,
        argMax(tuple(n.error_code), sorted_at).1 AS error_code,
        argMax(toString(n.furthest_client_substate), sorted_at) AS furthest_client_substate,
        minIf(n.ended_at, n.outcome = 'installed') AS installed_at
    FROM
    (
        SELECT
            t.device_id AS device_id, pr.rollout_id AS rollout_id, t.outcome AS outcome, t.started_at AS started_at, t.ended_at AS ended_at,
            t.error_code AS error_code, t.furthest_client_substate AS furthest_client_substate,
            -- Among attempts at the same moment, the one that names the update.
            (ifNull(coalesce(t.ended_at, t.started_at), toDateTime64(0, 6, 'UTC')), isNotNull(t.kb_article)) AS sorted_at
        FROM (SELECT * FROM update_attempt FINAL) AS t
        INNER JOIN
        (
            SELECT p.rollout_id AS rollout_id, p.device_id AS device_id, r.kb_article AS kb_article, coalesce(r.started_at, r.release_at) AS since
            FROM (SELECT * FROM rollout_device FINAL) AS p
            INNER JOIN (SELECT * FROM rollout FINAL) AS r ON r.rollout_id = p.rollout_id
        ) AS pr ON pr.device_id = t.device_id
        WHERE t.kb_article = pr.kb_article
            OR (t.kb_article IS NULL AND t.outcome NOT IN ('installed') AND ifNull(t.started_at >= pr.since, 1))
    ) AS n
    GROUP BY device_id, rollout_id
) AS a ON a.device_id = p.device_id AND a.rollout_id = p.rollout_id
COMMENT 'Grain: rollout and planned device. reporting: reporting, stale (no record in the 7 days before the fleet''s newest), never_seen, excluded. state: installed, pending_restart, in_progress, failed, not_started. compliance: Latest, Missing one, Missing multiple, empty when the build is not known. installed_at: verdict of the first installed attempt.'
