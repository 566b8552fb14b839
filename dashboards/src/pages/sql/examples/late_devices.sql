SELECT device_name, site, ring, state, cause, culprit, last_seen_at
FROM device_compliance
WHERE rollout_id = (SELECT argMax(rollout_id, as_of) FROM device_compliance)
    AND state NOT IN ('installed', 'excluded')
ORDER BY site, ring, device_name
