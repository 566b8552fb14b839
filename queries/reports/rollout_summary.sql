-- How far one rollout is, with its denominator; grain: at most one row. An empty id means the current rollout.
SELECT
    c.rollout_id AS rollout_id,
    any(c.rollout_name) AS name,
    any(c.kb_article) AS kb_article,
    any(toString(r.started_at)) AS started_at,
    any(toString(r.deadline_at)) AS deadline_at,
    toString(max(c.as_of)) AS as_of,
    count() AS devices,
    countIf(c.reporting = 'reporting') AS reporting,
    countIf(c.reporting = 'stale') AS stale,
    countIf(c.reporting = 'never_seen') AS never_seen,
    countIf(c.reporting = 'excluded') AS excluded,
    countIf(c.reporting = 'reporting' AND c.compliance = 'Latest') AS latest,
    countIf(c.reporting = 'reporting' AND c.compliance = 'Missing one') AS missing_one,
    countIf(c.reporting = 'reporting' AND c.compliance = 'Missing multiple') AS missing_multiple,
    countIf(c.reporting = 'reporting' AND c.compliance = '') AS build_unknown,
    countIf(c.state = 'failed') AS failed,
    countIf(c.state = 'in_progress') AS in_progress,
    countIf(c.state = 'pending_restart') AS pending_restart,
    countIf(c.state = 'not_started') AS not_started,
    countIf(c.state NOT IN ('installed', 'excluded') AND ifNull(r.deadline_at <= c.as_of, 0)) AS late
FROM device_compliance AS c
INNER JOIN (SELECT rollout_id, started_at, deadline_at FROM rollout FINAL) AS r ON r.rollout_id = c.rollout_id
WHERE c.rollout_id = if({rollout_id:String} = '', (SELECT rollout_id FROM current_rollout), {rollout_id:String})
GROUP BY c.rollout_id
