-- The error codes of this fleet, those that failed attempts first; grain: one per code. all = 1 adds codes that are
-- only logged. text searches code and symbol. Devices are distinct over all days, which error_code_daily cannot add up;
-- one pass over the codes, without FINAL: a record that is stored twice is of the same device and day.
SELECT
    e.error_code AS error_code, g.error_symbol AS error_symbol, e.devices AS devices, a.failed_devices AS failed_devices,
    e.records AS events, toString(e.first_day) AS first_seen_at, toString(e.last_day) AS last_seen_at,
    arrayMap(i -> arraySum(d -> if(d.1 = e.newest - 13 + i, d.2, 0), e.days), range(14)) AS daily, g.causes AS causes
FROM
(
    SELECT
        p.error_code AS error_code, uniqExactMerge(p.seen_on) AS devices, sum(p.records) AS records, min(p.day) AS first_day,
        max(p.day) AS last_day, groupArray((p.day, finalizeAggregation(p.seen_on))) AS days, max(max(p.day)) OVER () AS newest
    FROM
    (
        SELECT c.error_code AS error_code, c.day AS day, uniqExactState(cityHash64(c.device_id)) AS seen_on, sum(c.records) AS records
        FROM
        (
            SELECT device_id, toDate(ifNull(occurred_at, collected_at)) AS day, assumeNotNull(error_code) AS error_code, count() AS records
            FROM update_event
            WHERE kind = 'record' AND error_code > 0
            GROUP BY device_id, day, error_code
            UNION ALL
            -- A count that grew is stored again: the largest one is the count.
            SELECT n.device_id AS device_id, n.day AS day, n.error_code AS error_code, n.records AS records
            FROM
            (
                SELECT device_id, day, error_code, source, cityHash64(template) AS template_hash, max(`count`) AS records
                FROM noise_profile
                WHERE error_code != 0
                GROUP BY device_id, day, error_code, source, template_hash
            ) AS n
            UNION ALL
            SELECT t.device_id AS device_id, toDate(coalesce(t.ended_at, t.started_at)) AS day, assumeNotNull(t.error_code) AS error_code, 0 AS records
            FROM (SELECT * FROM update_attempt FINAL WHERE outcome IN ('failed', 'rolled_back') AND error_code > 0) AS t
            WHERE coalesce(t.ended_at, t.started_at) IS NOT NULL
        ) AS c
        GROUP BY error_code, day
    ) AS p
    GROUP BY error_code
) AS e
LEFT JOIN
(
    SELECT assumeNotNull(t.error_code) AS error_code, uniqExact(t.device_id) AS failed_devices
    FROM (SELECT * FROM update_attempt FINAL WHERE outcome IN ('failed', 'rolled_back') AND error_code IS NOT NULL) AS t
    GROUP BY error_code
) AS a ON a.error_code = e.error_code
LEFT JOIN
(
    SELECT
        assumeNotNull(d.error_code) AS error_code, minIf(toString(d.error_symbol), d.error_symbol != '') AS error_symbol,
        arraySort(groupUniqArrayIf(toString(d.cause), d.rank = 0 AND d.cluster_key != '')) AS causes
    FROM (SELECT * FROM diagnosis FINAL WHERE error_code IS NOT NULL) AS d
    GROUP BY error_code
) AS g ON g.error_code = e.error_code
WHERE ({all:UInt8} = 1 OR a.failed_devices > 0)
    AND ({text:String} = '' OR positionCaseInsensitive(concat('0x', leftPad(hex(e.error_code), 8, '0')), {text:String}) > 0 OR positionCaseInsensitive(g.error_symbol, {text:String}) > 0)
ORDER BY failed_devices DESC, devices DESC, error_code
LIMIT 500
