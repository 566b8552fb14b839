-- What the filters of the list pages offer; grain: one per filter and value.
SELECT name, value
FROM
(
    SELECT DISTINCT 'cause' AS name, toString(cause) AS value FROM diagnosis FINAL WHERE is_deleted = 0
    UNION ALL
    SELECT DISTINCT 'site' AS name, toString(site) AS value FROM (SELECT site FROM device FINAL UNION ALL SELECT site FROM rollout_device FINAL WHERE is_deleted = 0)
    UNION ALL
    SELECT DISTINCT 'ring' AS name, toString(ring) AS value FROM (SELECT ring FROM device FINAL UNION ALL SELECT ring FROM rollout_device FINAL WHERE is_deleted = 0)
)
WHERE value != ''
ORDER BY name, value
LIMIT 2000
