-- Devices that did not try yet and have what one cluster's devices have, the likeliest first; grain: one per device.
-- The same as device_at_risk for that cluster, whose telling factors the page has asked for already (cluster_factor.is_telling): factors is a JSON array of
-- [factor, value, p_adjusted].
SELECT
    c.device_id AS device_id, any(c.device_name) AS device_name, any(c.site) AS site, any(c.ring) AS ring,
    arraySort(groupUniqArray(concat(c.factor, '=', c.value))) AS factors, count() OVER () AS total
FROM
(
    SELECT w.device_id AS device_id, w.device_name AS device_name, w.site AS site, w.ring AS ring, toString(name) AS factor, toString(found) AS value
    FROM
    (
        SELECT s.device_id AS device_id, s.device_name AS device_name, s.site AS site, s.ring AS ring, d.names AS names, d.values AS values
        FROM (SELECT device_id, attribute.name AS names, attribute.value AS values FROM device_digest FINAL) AS d
        INNER JOIN (SELECT * FROM device_state WHERE state IN ('not_started', 'stale')) AS s ON s.device_id = d.device_id
    ) AS w
    ARRAY JOIN w.names AS name, w.values AS found
) AS c
INNER JOIN
(
    SELECT telling.1 AS factor, telling.2 AS value, telling.3 AS p_adjusted
    FROM (SELECT arrayJoin(JSONExtract({factors:String}, 'Array(Tuple(String, String, Float64))')) AS telling)
) AS f ON f.factor = c.factor AND f.value = c.value
GROUP BY device_id
ORDER BY min(f.p_adjusted), length(factors) DESC, device_name, device_id
LIMIT 50
