-- The devices of one cluster, failing ones first; grain: one per device.
SELECT device_id, device_name, site, ring, os_build, error_code, last_seen_at, is_open
FROM cluster_device
WHERE cluster_key = {cluster_key:String}
ORDER BY is_open DESC, site, device_name, device_id
LIMIT {max_rows:UInt32}
