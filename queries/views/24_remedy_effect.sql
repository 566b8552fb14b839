-- remedy_effect: one row per cluster.
-- Why: a fix that did not lead to an installed update did not work.
-- Reads: cluster_device, update_attempt. A remedy worked when the device installed the update afterwards;
-- which remedy was applied is not in the logs, so that the effect stands at the cluster.
CREATE OR REPLACE VIEW {view:remedy_effect} {on_cluster} AS
SELECT
    m.cluster_key AS cluster_key,
    argMax(m.cause, m.confidence) AS cause,
    argMax(m.culprit, m.confidence) AS culprit,
    uniqExact(m.device_id) AS devices,
    uniqExactIf(m.device_id, m.is_open = 0) AS installed_later,
    uniqExactIf(m.device_id, m.is_open = 1 AND a.failures > 1) AS failed_again,
    uniqExactIf(m.device_id, m.is_open = 1) AS open_devices,
    installed_later / devices AS installed_later_share,
    medianExactIfOrNull(dateDiff('second', m.first_seen_at, a.installed_at) / 3600, m.is_open = 0 AND a.installed_at >= m.first_seen_at) AS median_hours
FROM (SELECT * FROM {view:cluster_device}) AS m
LEFT JOIN
(
    SELECT
        t.device_id AS device_id,
        assumeNotNull(t.kb_article) AS kb_article,
        countIf(t.outcome IN ('failed', 'rolled_back')) AS failures,
        maxIf(ifNull(t.ended_at, t.started_at), t.outcome = 'installed') AS installed_at
    FROM (SELECT * FROM {table:update_attempt} FINAL WHERE kb_article IS NOT NULL) AS t
    GROUP BY t.device_id, t.kb_article
) AS a ON a.device_id = m.device_id AND a.kb_article = ifNull(m.kb_article, 0)
GROUP BY m.cluster_key
COMMENT 'One row per cluster. installed_later: devices that installed the update after the failure. failed_again: devices that tried more than once and still fail. median_hours: from the first sign of the failure to the installed update; null when no device got there.'
