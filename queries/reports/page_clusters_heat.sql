-- Devices with a failure by cause and place; grain: cause × site × ring, in which a device stands once, in however many
-- clusters of the cause it is.
SELECT cause, site, ring, uniqExactIf(device_id, is_open = 1) AS open_devices, uniqExact(device_id) AS devices
FROM cluster_device
GROUP BY cause, site, ring
ORDER BY cause, site, ring
LIMIT 100000
