-- Devices that did not try yet and have what one cluster's devices have, the likeliest first; grain: one per device.
SELECT
    r.device_id AS device_id, any(r.device_name) AS device_name, any(r.site) AS site, any(r.ring) AS ring,
    arrayDistinct(arrayFlatten(groupArray(r.factors))) AS factors, count() OVER () AS total
FROM device_at_risk AS r
WHERE r.cluster_key = {cluster_key:String}
GROUP BY device_id
ORDER BY min(r.p_adjusted_min), length(factors) DESC, device_name, device_id
LIMIT 50
