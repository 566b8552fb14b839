-- What arrived; grain: one per source.
SELECT
    toString(arrival.source) AS source, uniqExact(device_hash) AS devices, sum(arrival.events) AS events,
    toString(max(arrival.last_collected_at)) AS last_collected_at
FROM device_digest FINAL
ARRAY JOIN arrival
GROUP BY source
ORDER BY events DESC, source
