-- The devices of one rollout, counted once by everything that its page shows them by; grain: one per combination.
-- The page adds these counts up in several directions and narrows them by its filters: one pass over device_compliance
-- for all of them. installed_on: a device whose build alone shows the update counts from its last report on.
-- installed_s: when installed devices had the update, in seconds since 1970, where that is known.
SELECT
    ring, site, reporting, compliance, state, furthest_client_substate, if(state = 'failed', cluster_key, '') AS cluster_key,
    if(state = 'installed', toString(toDate(ifNull(installed_at, last_seen_at))), NULL) AS installed_on,
    groupArrayIf(toUnixTimestamp(assumeNotNull(installed_at)), state = 'installed' AND installed_at IS NOT NULL) AS installed_s,
    toString(max(as_of)) AS as_of, count() AS devices
FROM device_compliance
WHERE rollout_id = {rollout_id:String}
GROUP BY ring, site, reporting, compliance, state, furthest_client_substate, cluster_key, installed_on
