-- Changed files of a cluster's devices, and who has a good copy; grain: one per device and file.
SELECT device_id, path, os_build, donor_device_id
FROM file_hash_consensus
WHERE is_odd = 1 AND donor_device_id != ''
    AND device_id IN (SELECT device_id FROM cluster_device WHERE cluster_key = {cluster_key:String})
ORDER BY path, device_id
LIMIT 20
