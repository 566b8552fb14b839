-- What arrived; grain: one per source.
SELECT source, uniq(device_id) AS devices, count() AS events, toString(max(collected_at)) AS last_collected_at
FROM update_event
GROUP BY source
ORDER BY events DESC, source
