-- Devices of a rollout (the newest one for '', with devices outside it after them); grain: one per device.
-- Filters are off when empty.
WITH if({rollout_id:String} != '', {rollout_id:String}, ifNull((SELECT argMax(rollout_id, (started_at, rollout_id)) FROM rollout FINAL), '')) AS shown
SELECT
    device_id, device_name, site, ring, os_build, state, cause, culprit, cluster_key, last_seen_at,
    count() OVER () AS total
FROM
(
    SELECT device_id, device_name, site, ring, os_build, state, cause, culprit, cluster_key, last_seen_at
    FROM device_compliance
    WHERE rollout_id = shown
    UNION ALL
    SELECT
        d.device_id AS device_id, d.device_name AS device_name, toString(d.site) AS site, toString(d.ring) AS ring,
        d.os_build AS os_build, '' AS state, g.cause AS cause, g.culprit AS culprit, g.cluster_key AS cluster_key,
        toNullable(d.last_seen_at) AS last_seen_at
    FROM (SELECT * FROM device FINAL) AS d
    LEFT JOIN (SELECT * FROM cluster_device WHERE is_open = 1 LIMIT 1 BY device_id) AS g ON g.device_id = d.device_id
    WHERE {rollout_id:String} = '' AND d.device_id NOT IN (SELECT device_id FROM rollout_device FINAL WHERE rollout_id = shown)
)
WHERE ({state:String} = '' OR state = {state:String})
    AND ({site:String} = '' OR site = {site:String})
    AND ({ring:String} = '' OR ring = {ring:String})
    AND ({cause:String} = '' OR cause = {cause:String})
    AND ({text:String} = '' OR positionCaseInsensitiveUTF8(device_name, {text:String}) > 0 OR positionCaseInsensitiveUTF8(device_id, {text:String}) > 0)
ORDER BY state = 'failed' DESC, site, device_name, device_id
LIMIT {max_rows:UInt32} OFFSET {skip:UInt32}
