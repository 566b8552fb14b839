-- The devices of a rollout ('' for all rollouts) that say nothing or wait for their restart, longest first; grain: one
-- per device and state, at most fifty of each state. Filters are off when empty.
SELECT
    device_id, any(device_name) AS device_name, any(site) AS site, any(ring) AS ring, state,
    max(if(state = 'pending_restart', state_since, last_seen_at)) AS since
FROM device_compliance
WHERE ({rollout_id:String} = '' OR rollout_id = {rollout_id:String})
    AND ({ring:String} = '' OR ring = {ring:String}) AND ({site:String} = '' OR site = {site:String})
    AND state IN ('stale', 'never_seen', 'pending_restart')
GROUP BY device_id, state
ORDER BY state, since, device_id
LIMIT 50 BY state
