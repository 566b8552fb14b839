-- The line that tells most, for every device of one cause
SELECT device_name, site, culprit, evidence_file, evidence_line, evidence_text
FROM cluster_device
WHERE cause = 'component-store-corrupt'
ORDER BY device_name
LIMIT 100
