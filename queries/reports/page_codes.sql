-- The error codes of this fleet, those that failed attempts first, with what the catalogue says; grain: one per code.
-- Devices are distinct over all days, which error_code_daily cannot add up. The page applies its filters. The days of
-- the sparkline end with the newest, though not behind the newest collection or now: the clock of a device may be ahead.
SELECT
    e.error_code AS error_code, if(m.error_symbol != '', m.error_symbol, g.error_symbol) AS error_symbol, toString(m.family) AS family, m.is_wrapper AS is_wrapper,
    m.meaning_en AS meaning_en, m.meaning_zh AS meaning_zh, m.documented_in AS documented_in, e.devices AS devices, e.failed_devices AS failed_devices,
    e.records AS events, toString(e.first_day) AS first_seen_at, toString(e.last_day) AS last_seen_at,
    arrayMap(i -> toUInt64(countEqual(e.days, e.newest - 13 + i)), range(14)) AS daily, g.causes AS causes
FROM
(
    SELECT
        error_code, uniqExact(device_hash) AS devices, uniqExactIf(device_hash, attempts > 0) AS failed_devices, sum(records) AS records,
        min(day) AS first_day, max(day) AS last_day, groupArray(day) AS days, least(max(max(day)) OVER (), toDate(now64(6, 'UTC')), (SELECT toDate(max(last_seen_at)) FROM device)) AS newest
    FROM
    (
        -- A device has a code of a day once.
        SELECT device_hash, code.error_code AS error_code, code.day AS day, code.attempts AS attempts, code.records AS records
        FROM device_digest FINAL
        ARRAY JOIN code.error_code, code.day, code.attempts, code.records
    )
    GROUP BY error_code
) AS e
LEFT JOIN
(
    SELECT
        assumeNotNull(d.error_code) AS error_code, minIf(toString(d.error_symbol), d.error_symbol != '') AS error_symbol,
        arraySort(groupUniqArrayIf(toString(d.cause), d.rank = 0 AND d.cluster_key != '')) AS causes
    FROM (SELECT * FROM diagnosis FINAL WHERE error_code IS NOT NULL) AS d
    GROUP BY error_code
) AS g ON g.error_code = e.error_code
LEFT JOIN (SELECT * FROM error_code_meaning FINAL) AS m ON m.error_code = e.error_code
ORDER BY failed_devices DESC, devices DESC, error_code
LIMIT 5000
