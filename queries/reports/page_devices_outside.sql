-- How many devices report that a rollout does not plan; grain: one row.
SELECT count() AS devices
FROM device_digest FINAL
WHERE is_known = 1 AND NOT has(rollouts, {rollout_id:String})
