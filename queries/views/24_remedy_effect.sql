-- remedy_effect: one row per cluster: what became of its devices.
-- Why: a fix that did not lead to an installed update did not work.
-- Reads: diagnosis, update_attempt.
CREATE OR REPLACE VIEW remedy_effect {on_cluster} AS
SELECT
    g.cluster_key AS cluster_key,
    any(g.cause) AS cause,
    uniqExact(g.device_id) AS devices,
    uniqExactIf(g.device_id, g.is_open = 0) AS installed_later,
    uniqExactIf(g.device_id, g.is_open = 1 AND ifNull(a.last_failed_at > g.last_seen_at, 0)) AS failed_again,
    quantileExactIf(0.5)(dateDiff('minute', assumeNotNull(g.first_seen_at), assumeNotNull(a.installed_at)) / 60, g.is_open = 0 AND a.installed_at IS NOT NULL AND g.first_seen_at IS NOT NULL AND a.installed_at > g.first_seen_at) AS hours_to_installed_median
FROM (SELECT * FROM diagnosis FINAL WHERE rank = 0) AS g
LEFT JOIN
(
    SELECT
        device_id,
        kb_article,
        maxIf(ended_at, outcome IN ('failed', 'rolled_back')) AS last_failed_at,
        maxIf(ended_at, outcome = 'installed') AS installed_at
    FROM update_attempt FINAL
    WHERE kb_article IS NOT NULL
    GROUP BY device_id, kb_article
) AS a ON a.device_id = g.device_id AND a.kb_article = g.kb_article
GROUP BY g.cluster_key
COMMENT 'Grain: cluster. installed_later: devices that reported the update installed after they failed; failed_again: devices that tried again after the diagnosis and failed. Hours from the first evidence to the installed verdict; nan when no device is that far.'
