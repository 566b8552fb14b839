-- error_code_daily: one row per day, site, ring and error code.
-- Why: is a code on the rise. Devices are counted, never lines.
-- Reads: device_digest, diagnosis.
CREATE OR REPLACE VIEW {view:error_code_daily} {on_cluster} AS
SELECT
    c.day AS day,
    c.site AS site,
    c.ring AS ring,
    c.error_code AS error_code,
    concat('0x', leftPad(lower(hex(c.error_code)), 8, '0')) AS error_code_hex,
    any(s.error_symbol) AS error_symbol,
    uniqExactIf(c.device_hash, c.attempts > 0) AS devices,
    sum(c.attempts) AS attempts,
    uniqExact(c.device_hash) AS logged_devices,
    sum(c.records) AS records
FROM
(
    SELECT
        code.day AS day, CAST(site, 'String') AS site, CAST(ring, 'String') AS ring, code.error_code AS error_code, device_hash,
        code.attempts AS attempts, code.records AS records
    FROM {table:device_digest} FINAL
    ARRAY JOIN code.day, code.error_code, code.attempts, code.records
) AS c
LEFT JOIN
(
    SELECT assumeNotNull(g.error_code) AS code, min(toString(g.error_symbol)) AS error_symbol
    FROM (SELECT * FROM {table:diagnosis} FINAL WHERE error_code IS NOT NULL AND error_symbol != '') AS g
    GROUP BY code
) AS s ON s.code = c.error_code
GROUP BY day, site, ring, error_code
COMMENT 'One row per day (UTC), site, ring and error code. devices: whose attempt ended with the code that day; attempts: how many. logged_devices: that logged it at all; a code with many of these and no devices is noise. records: log records, never a measure of failures.'
