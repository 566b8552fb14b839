-- What the open clusters are and their first action; grain: one per cluster.
SELECT cluster_key, cause, culprit, error_code, error_symbol, actions_en[1] AS action_en, actions_zh[1] AS action_zh
FROM failure_cluster
WHERE status = 'open'
ORDER BY open_devices DESC, cluster_key
LIMIT 1000
