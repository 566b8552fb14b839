-- failure_cluster: one row per cluster of devices that fail for the same reason.
-- Why: what to fix, and what frees most devices.
-- Reads: cluster_device.
CREATE OR REPLACE VIEW failure_cluster {on_cluster} AS
SELECT
    cluster_key,
    any(c.cause) AS cause,
    any(c.alert_subtype) AS alert_subtype,
    -- Of several spellings the one that most devices use.
    topKIf(1)(c.culprit, c.culprit != '')[1] AS culprit,
    uniqExact(device_id) AS devices,
    uniqExactIf(device_id, is_open = 1) AS open_devices,
    if(open_devices = 0, 'closed', 'open') AS status,
    round(devices / (SELECT uniqExact(device_id) FROM diagnosis FINAL WHERE rank = 0), 4) AS share,
    arraySort(groupUniqArrayIf(c.error_code_hex, c.error_code_hex != '')) AS error_codes,
    topKIf(1)(toString(c.error_symbol), c.error_symbol != '')[1] AS error_symbol,
    arraySort(groupUniqArrayIf(c.inner_code_hex, c.inner_code_hex != '')) AS inner_codes,
    arraySort(groupUniqArrayIf(assumeNotNull(c.kb_article), c.kb_article IS NOT NULL)) AS kb_articles,
    arraySort(groupUniqArrayIf(c.site, c.site != '')) AS sites,
    arraySort(groupUniqArrayIf(c.ring, c.ring != '')) AS rings,
    topK(1)(toString(c.phase))[1] AS phase,
    round(avg(c.confidence), 3) AS confidence_avg,
    min(c.first_seen_at) AS first_seen_at,
    max(c.last_seen_at) AS last_seen_at,
    argMax(c.summary_en, c.confidence) AS summary_en,
    argMax(c.summary_zh, c.confidence) AS summary_zh,
    argMax(c.actions_en, c.confidence) AS actions_en,
    argMax(c.actions_zh, c.confidence) AS actions_zh
FROM cluster_device AS c
GROUP BY cluster_key
ORDER BY open_devices DESC, devices DESC, cluster_key
COMMENT 'Grain: cluster. devices counts devices, never lines; open_devices those that still fail. share is of all devices with a diagnosis. error_codes are as the devices reported them.'
