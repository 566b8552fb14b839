-- error_code_daily: one row per day, site, ring and error code.
-- Why: is a code on the rise. Devices are counted, never lines.
-- Reads: update_attempt, update_event, noise_profile, device, diagnosis.
CREATE OR REPLACE VIEW {view:error_code_daily} {on_cluster} AS
SELECT
    c.day AS day,
    toString(d.site) AS site,
    toString(d.ring) AS ring,
    c.error_code AS error_code,
    concat('0x', leftPad(lower(hex(c.error_code)), 8, '0')) AS error_code_hex,
    any(s.error_symbol) AS error_symbol,
    uniqExactIf(c.device_id, c.attempts > 0) AS devices,
    sum(c.attempts) AS attempts,
    uniqExact(c.device_id) AS logged_devices,
    sum(c.records) AS records
FROM
(
    SELECT device_id, toDate(coalesce(ended_at, started_at)) AS day, assumeNotNull(error_code) AS error_code, count() AS attempts, 0 AS records
    FROM {table:update_attempt} FINAL
    WHERE outcome IN ('failed', 'rolled_back') AND error_code > 0 AND coalesce(ended_at, started_at) IS NOT NULL
    GROUP BY device_id, day, error_code
    UNION ALL
    SELECT device_id, toDate(ifNull(occurred_at, collected_at)) AS day, assumeNotNull(error_code) AS error_code, 0 AS attempts, count() AS records
    FROM {table:update_event} FINAL
    WHERE kind = 'record' AND error_code > 0
    GROUP BY device_id, day, error_code
    UNION ALL
    SELECT device_id, day, error_code, 0 AS attempts, sum(`count`) AS records
    FROM {table:noise_profile} FINAL
    WHERE error_code != 0
    GROUP BY device_id, day, error_code
) AS c
LEFT JOIN (SELECT * FROM {table:device} FINAL) AS d ON d.device_id = c.device_id
LEFT JOIN
(
    SELECT assumeNotNull(g.error_code) AS code, min(toString(g.error_symbol)) AS error_symbol
    FROM (SELECT * FROM {table:diagnosis} FINAL WHERE error_code IS NOT NULL AND error_symbol != '') AS g
    GROUP BY code
) AS s ON s.code = c.error_code
GROUP BY day, site, ring, error_code
COMMENT 'One row per day (UTC), site, ring and error code. devices: whose attempt ended with the code that day; attempts: how many. logged_devices: that logged it at all; a code with many of these and no devices is noise. records: log records, never a measure of failures.'
