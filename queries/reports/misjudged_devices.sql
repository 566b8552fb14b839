-- Devices that were judged by other rules, another version of the program or other reference data than made_by names, and
-- those that have records and could not be judged yet; grain: one per device. The place of a device is decided by the
-- seed alone, so that whoever goes on behind the last place meets each device once.
SELECT device_id, cityHash64(device_id, {seed:UInt64}) AS number
FROM
(
    SELECT device_id FROM (SELECT device_id, made_by FROM device FINAL) WHERE made_by != {made_by:String}
    UNION DISTINCT
    SELECT device_id FROM (SELECT device_id, is_known, arrival.topic AS topics FROM device_digest FINAL) WHERE is_known = 0 AND notEmpty(topics)
)
WHERE number > {after:UInt64}
ORDER BY number
LIMIT {limit:UInt64}
