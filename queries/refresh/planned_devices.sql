-- The devices that one rollout names or named, and those that stand in it; grain: one per device.
SELECT device_id FROM {table:rollout_device} WHERE rollout_id = {rollout_id:String}
UNION DISTINCT
SELECT device_id FROM {table:device_standing} WHERE rollout_id = {rollout_id:String}
