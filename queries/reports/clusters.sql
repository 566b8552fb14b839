-- The clusters, the one that hits most devices first; grain: one per cluster.
SELECT
    cluster_key, cause, alert_subtype, culprit, devices, open_devices, status, error_codes, error_symbol, inner_codes,
    kb_articles, sites, rings, phase, confidence_avg, summary_en, summary_zh, actions_en, actions_zh, example_device_id
FROM failure_cluster
WHERE {cluster_key:String} = '' OR cluster_key = {cluster_key:String}
ORDER BY open_devices DESC, devices DESC, cluster_key
