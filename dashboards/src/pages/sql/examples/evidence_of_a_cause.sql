SELECT device_name, site, culprit, evidence_file, evidence_line, evidence_text
FROM cluster_device
WHERE cause = (SELECT cause FROM failure_cluster ORDER BY open_devices DESC LIMIT 1)
ORDER BY device_name
LIMIT 100
