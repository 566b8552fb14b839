-- error_code_daily: one row per day, ring, site and error code.
-- Why: is a code on the rise; devices are counted, never lines.
-- Reads: update_attempt, device, diagnosis.
CREATE OR REPLACE VIEW error_code_daily {on_cluster} AS
SELECT
    toDate(coalesce(t.ended_at, t.started_at)) AS day,
    toString(d.ring) AS ring,
    toString(d.site) AS site,
    assumeNotNull(t.error_code) AS error_code,
    concat('0x', lower(leftPad(hex(assumeNotNull(t.error_code)), 8, '0'))) AS error_code_hex,
    any(g.error_symbol) AS error_symbol,
    uniqExact(t.device_id) AS devices,
    count() AS attempts
FROM (SELECT * FROM update_attempt FINAL WHERE outcome IN ('failed', 'rolled_back') AND error_code IS NOT NULL) AS t
LEFT JOIN (SELECT * FROM device FINAL) AS d ON d.device_id = t.device_id
LEFT JOIN (SELECT n.error_code AS error_code, any(toString(n.error_symbol)) AS error_symbol FROM diagnosis AS n FINAL WHERE n.error_symbol != '' GROUP BY n.error_code) AS g ON g.error_code = t.error_code
GROUP BY day, ring, site, t.error_code
COMMENT 'Grain: day (UTC), ring, site and error code. devices whose attempt ended with the code that day, and how many attempts.'
