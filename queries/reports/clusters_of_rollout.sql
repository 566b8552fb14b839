-- The clusters that hold devices of one rollout, the one that holds back most first; grain: one per cluster.
-- Counts, sites and rings are the rollout's, as its page has them: open_devices are planned devices that stand as failed for
-- this reason, devices those that ever failed for it with the rollout's update, or since its start with an attempt that names
-- none. What cause, culprit and texts say holds for the whole cluster.
SELECT
    c.cluster_key AS cluster_key, c.cause AS cause, c.alert_subtype AS alert_subtype, c.culprit AS culprit,
    p.devices AS devices, p.open_devices AS open_devices, if(p.open_devices > 0, 'open', 'closed') AS status,
    c.error_codes AS error_codes, c.error_symbol AS error_symbol, c.inner_codes AS inner_codes, c.kb_articles AS kb_articles,
    arraySort(if(p.open_devices > 0, p.open_sites, p.sites)) AS sites, arraySort(if(p.open_devices > 0, p.open_rings, p.rings)) AS rings,
    c.phase AS phase, c.confidence_avg AS confidence_avg, c.summary_en AS summary_en, c.summary_zh AS summary_zh,
    c.actions_en AS actions_en, c.actions_zh AS actions_zh, c.example_device_id AS example_device_id
FROM
(
    SELECT
        u.cluster_key AS cluster_key,
        uniqExact(u.device_id) AS devices,
        uniqExactIf(u.device_id, u.is_open) AS open_devices,
        groupUniqArrayIf(u.site, u.site != '') AS sites,
        groupUniqArrayIf(u.site, u.site != '' AND u.is_open) AS open_sites,
        groupUniqArrayIf(u.ring, u.ring != '') AS rings,
        groupUniqArrayIf(u.ring, u.ring != '' AND u.is_open) AS open_rings
    FROM
    (
        SELECT cluster_key, device_id, site, ring, true AS is_open
        FROM device_state
        WHERE rollout_id = {rollout_id:String} AND state = 'failed' AND cluster_key != ''
        UNION ALL
        SELECT m.cluster_key, m.device_id, s.site, s.ring, false AS is_open
        FROM (SELECT cluster_key, device_id, kb_article, last_seen_at FROM cluster_device) AS m
        INNER JOIN
        (
            SELECT device_id, site, ring
            FROM device_state
            WHERE rollout_id = {rollout_id:String} AND state != 'excluded'
        ) AS s ON s.device_id = m.device_id
        CROSS JOIN (SELECT kb_article AS kb, coalesce(started_at, release_at) AS since FROM rollout FINAL WHERE rollout_id = {rollout_id:String}) AS r
        WHERE if(m.kb_article IS NULL, ifNull(m.last_seen_at >= r.since, 1), m.kb_article = r.kb)
    ) AS u
    GROUP BY u.cluster_key
) AS p
INNER JOIN (SELECT * FROM failure_cluster) AS c ON c.cluster_key = p.cluster_key
ORDER BY open_devices DESC, devices DESC, cluster_key
