-- The devices of a rollout ('' for all rollouts) that say nothing or wait for their restart, longest first; grain: one
-- per device and state, at most fifty of each state. Filters are off when empty.
SELECT
    c.device_id AS device_id, any(c.device_name) AS device_name, any(c.site) AS site, any(c.ring) AS ring, c.state AS state,
    max(if(c.state = 'pending_restart', c.state_since, c.last_seen_at)) AS since
FROM device_state AS c
WHERE ({rollout_id:String} = '' OR c.rollout_id = {rollout_id:String})
    AND ({ring:String} = '' OR c.ring = {ring:String}) AND ({site:String} = '' OR c.site = {site:String})
    AND c.state IN ('stale', 'never_seen', 'pending_restart')
GROUP BY device_id, state
ORDER BY state, since, device_id
LIMIT 50 BY state
