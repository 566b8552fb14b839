-- Devices of a rollout (the newest one for '', with devices outside it after them); grain: one per device.
-- Filters are off when empty. by_id = 1 orders by device alone, and begins behind the device `after`.
WITH if({rollout_id:String} != '', {rollout_id:String}, ifNull((SELECT argMax(rollout_id, (started_at, rollout_id)) FROM rollout FINAL), '')) AS shown
SELECT *
FROM
(
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
            d.device_id AS device_id, d.device_name AS device_name, toString(d.site) AS site, toString(d.ring) AS ring, d.os_build AS os_build, '' AS state,
            toString(d.`member.cause`[d.open]) AS cause, d.`member.culprit`[d.open] AS culprit, d.`member.cluster_key`[d.open] AS cluster_key, toNullable(d.last_seen_at) AS last_seen_at
        FROM
        (
            SELECT device_id, device_name, site, ring, os_build, last_seen_at, member.cause, member.culprit, member.cluster_key, indexOf(member.is_open, 1) AS open
            FROM device_digest FINAL
            -- Asked of two narrow columns first: mostly there is no such device, and the others need not be read.
            WHERE device_id IN (SELECT device_id FROM device_digest FINAL WHERE is_known = 1 AND {rollout_id:String} = '' AND NOT has(rollouts, shown))
        ) AS d
    )
    WHERE ({state:String} = '' OR state = {state:String})
        AND ({site:String} = '' OR site = {site:String})
        AND ({ring:String} = '' OR ring = {ring:String})
        AND ({cause:String} = '' OR cause = {cause:String})
        AND ({text:String} = '' OR positionCaseInsensitiveUTF8(device_name, {text:String}) > 0 OR positionCaseInsensitiveUTF8(device_id, {text:String}) > 0)
)
WHERE {after:String} = '' OR device_id > {after:String}
ORDER BY {by_id:UInt8} = 0 AND state = 'failed' DESC, if({by_id:UInt8} = 0, site, ''), if({by_id:UInt8} = 0, device_name, ''), device_id
LIMIT {max_rows:UInt32} OFFSET {skip:UInt32}
