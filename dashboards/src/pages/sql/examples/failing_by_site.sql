SELECT site, ring, countIf(state = 'failed') AS failing, count() AS planned, round(100 * failing / planned, 1) AS percent
FROM device_compliance
GROUP BY site, ring
ORDER BY failing DESC
