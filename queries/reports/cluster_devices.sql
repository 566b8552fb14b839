-- The devices of one cluster, those that still fail first; grain: one per device.
SELECT device_id, device_name, site, ring, os_build, error_code_hex, is_open, evidence_file, evidence_line, evidence_text
FROM cluster_device
WHERE cluster_key = {cluster_key:String}
ORDER BY is_open DESC, site, device_id
