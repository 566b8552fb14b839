-- Marks the devices that the plans of some rollouts no longer name; grain: one per rollout and device.
-- Plans that were just written are not older than written_at. Excluded too, so that whoever counts the devices of a plan
-- leaves them out.
INSERT INTO {table:rollout_device} (rollout_id, device_id, device_name, site, ring, excluded, exclusion_reason, is_deleted)
SELECT rollout_id, device_id, device_name, site, ring, 1, exclusion_reason, 1
FROM {table:rollout_device} FINAL
WHERE rollout_id IN {rollout_ids:Array(String)} AND is_deleted = 0 AND updated_at < parseDateTime64BestEffort({written_at:String}, 6, 'UTC')
