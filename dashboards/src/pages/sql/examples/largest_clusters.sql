SELECT cause, culprit, error_code_hex, open_devices, devices, trend, sites
FROM failure_cluster
WHERE status = 'open'
ORDER BY open_devices DESC
