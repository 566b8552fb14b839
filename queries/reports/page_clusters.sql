-- All clusters, open and closed, those with the most failing devices first; grain: one per cluster_key. Filters of the
-- page count over page_clusters_cube. One cluster where its key is given.
SELECT
    cluster_key, cause, alert_subtype, culprit, error_code, inner_code, error_symbol, phase, kb_articles, open_devices, devices,
    confidence_avg AS confidence, trend, daily, sites, rings, first_seen_at, last_seen_at, summary_en, summary_zh, actions_en, actions_zh, example_device_id,
    first_step_differs
FROM failure_cluster
WHERE {cluster_key:String} = '' OR cluster_key = {cluster_key:String}
ORDER BY open_devices DESC, devices DESC, cluster_key
LIMIT 5000
