-- The error codes of this fleet, those that failed attempts first; grain: one per code. all = 1 adds codes that are
-- only logged. text searches code and symbol. Devices are distinct over all days, which error_code_daily cannot add up.
WITH (SELECT max(day) FROM error_code_daily) AS newest
SELECT
    e.error_code AS error_code, e.error_symbol AS error_symbol, n.devices AS devices, a.failed_devices AS failed_devices,
    e.records AS events, toString(e.first_day) AS first_seen_at, toString(e.last_day) AS last_seen_at, e.daily AS daily,
    g.causes AS causes
FROM
(
    SELECT
        error_code, max(error_symbol) AS error_symbol, sum(records) AS records, min(day) AS first_day, max(day) AS last_day,
        sumForEach(arrayMap(i -> toUInt64(if(ifNull(dateDiff('day', day, newest) = 13 - i, 0), logged_devices, 0)), range(14))) AS daily
    FROM error_code_daily
    GROUP BY error_code
) AS e
LEFT JOIN
(
    SELECT error_code, uniqExact(device_id) AS devices
    FROM
    (
        SELECT device_id, assumeNotNull(error_code) AS error_code FROM update_event WHERE error_code IS NOT NULL
        UNION ALL
        SELECT device_id, error_code FROM noise_profile WHERE error_code != 0
    )
    GROUP BY error_code
) AS n ON n.error_code = e.error_code
LEFT JOIN
(
    SELECT assumeNotNull(t.error_code) AS error_code, uniqExact(t.device_id) AS failed_devices
    FROM (SELECT * FROM update_attempt FINAL WHERE outcome IN ('failed', 'rolled_back') AND error_code IS NOT NULL) AS t
    GROUP BY error_code
) AS a ON a.error_code = e.error_code
LEFT JOIN
(
    SELECT assumeNotNull(c.error_code) AS error_code, arraySort(groupUniqArray(c.cause)) AS causes
    FROM (SELECT * FROM cluster_device WHERE error_code IS NOT NULL) AS c
    GROUP BY error_code
) AS g ON g.error_code = e.error_code
WHERE ({all:UInt8} = 1 OR a.failed_devices > 0)
    AND ({text:String} = '' OR positionCaseInsensitive(concat('0x', leftPad(hex(e.error_code), 8, '0')), {text:String}) > 0 OR positionCaseInsensitive(e.error_symbol, {text:String}) > 0)
ORDER BY failed_devices DESC, devices DESC, error_code
LIMIT 500
