-- The highest generation that the derived rows of some devices have; grain: one row. Without FINAL: the highest is the
-- newest.
SELECT max(newest) AS newest
FROM
(
    SELECT max(generation) AS newest FROM device WHERE device_id IN {device_ids:Array(String)}
    UNION ALL
    SELECT max(generation) AS newest FROM update_attempt WHERE device_id IN {device_ids:Array(String)}
    UNION ALL
    SELECT max(generation) AS newest FROM evidence WHERE device_id IN {device_ids:Array(String)}
    UNION ALL
    SELECT max(generation) AS newest FROM diagnosis WHERE device_id IN {device_ids:Array(String)}
)
