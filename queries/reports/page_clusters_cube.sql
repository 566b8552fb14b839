-- Devices of each cluster by place; grain: cluster_key × site × ring, in which a device stands once.
SELECT cluster_key, site, ring, countIf(is_open = 1) AS open_devices, count() AS devices
FROM cluster_device
GROUP BY cluster_key, site, ring
ORDER BY cluster_key, site, ring
LIMIT 100000
