-- Devices of a rollout, for outside = 1 with the devices that it does not plan after them, of which those with an open
-- verdict are failing ones; grain: one per device.
-- As device_state: silent_before is that of rollout_clock, empty when no device reported. Filters are off when empty. by_id = 1 orders by device alone, and begins behind the device `after`.
SELECT *
FROM
(
    SELECT
        device_id, device_name, site, ring, os_build, state, cause, culprit, cluster_key, last_seen_at,
        count() OVER () AS total
    FROM
    (
        SELECT device_id, device_name, site, ring, os_build, state, cause, culprit, cluster_key, last_seen_at
        FROM
        (
            SELECT
                device_id, device_name, toString(s.site) AS site, toString(s.ring) AS ring, os_build, toString(s.cause) AS cause, culprit, cluster_key, last_seen_at,
                if(standing NOT IN ('excluded', 'never_seen')
                    AND ifNull(last_seen_at < parseDateTime64BestEffortOrNull({silent_before:String}, 6, 'UTC'), 0),
                    'stale', toString(standing)) AS state
            FROM device_standing AS s FINAL
            WHERE rollout_id = {rollout_id:String} AND is_deleted = 0
        )
        UNION ALL
        SELECT
            d.device_id AS device_id, d.device_name AS device_name, toString(d.site) AS site, toString(d.ring) AS ring, d.os_build AS os_build, if(d.is_failing = 1, 'failed', '') AS state,
            toString(d.`member.cause`[d.open]) AS cause, d.`member.culprit`[d.open] AS culprit, d.`member.cluster_key`[d.open] AS cluster_key, toNullable(d.last_seen_at) AS last_seen_at
        FROM
        (
            SELECT device_id, device_name, site, ring, os_build, last_seen_at, is_failing, member.cause, member.culprit, member.cluster_key, indexOf(member.is_open, 1) AS open
            FROM device_digest FINAL
            WHERE {outside:UInt8} = 1 AND is_known = 1 AND NOT has(rollouts, {rollout_id:String})
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
