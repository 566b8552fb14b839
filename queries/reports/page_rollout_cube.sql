-- The devices of one rollout, counted once by everything that its page shows them by; grain: one per combination.
-- The page adds these counts up in several directions and narrows them by its filters: one pass over device_compliance
-- for all of them. installed_on: a device whose build alone shows the update counts from its last report on.
-- installed_s: when installed devices had the update, in seconds since 1970, where that is known and not a day later than the newest
-- report, which is the time of a clock that is ahead.
SELECT
    ring, site, reporting, compliance, state, furthest_client_substate, if(state = 'failed', cluster_key, '') AS cluster_key,
    if(state = 'installed', toString(toDate(least(ifNull(c.installed_at, c.last_seen_at), c.as_of))), NULL) AS installed_on,
    groupArrayIf(toUnixTimestamp(assumeNotNull(installed_at)), state = 'installed' AND ifNull(c.installed_at <= c.as_of + INTERVAL 1 DAY, 0)) AS installed_s,
    toString(max(c.as_of)) AS as_of, count() AS devices
FROM device_compliance AS c
WHERE rollout_id = {rollout_id:String}
GROUP BY ring, site, reporting, compliance, state, furthest_client_substate, cluster_key, installed_on
