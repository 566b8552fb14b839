-- Who counts as silent, for lists of devices; grain: one per rollout with planned devices.
SELECT rollout_id, toString(silent_before) AS silent_before
FROM rollout_clock
WHERE silent_before IS NOT NULL
ORDER BY rollout_id
