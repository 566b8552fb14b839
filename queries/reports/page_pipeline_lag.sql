-- How late events reach the store; grain: topic × partition.
SELECT topic, partition, last_offset, events, last_ingested_at, median_lag_seconds, p99_lag_seconds
FROM pipeline_lag
ORDER BY topic, partition
LIMIT 200
