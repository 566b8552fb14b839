-- pipeline_lag: one row per topic and partition.
-- Why: a pipeline that hangs looks like a healthy fleet.
-- Reads: device_digest, made by refresh/device_digest.sql.
CREATE OR REPLACE VIEW {view:pipeline_lag} {on_cluster} AS
SELECT
    toString(arrival.topic) AS topic,
    arrival.partition AS partition,
    sum(arrival.events) AS events,
    uniqExact(device_hash) AS devices,
    max(arrival.last_offset) AS last_offset,
    max(arrival.last_collected_at) AS last_collected_at,
    max(arrival.last_ingested_at) AS last_ingested_at,
    quantileExact(0.5)(arrival.lag_ms) / 1000 AS median_lag_seconds,
    quantileExact(0.99)(arrival.lag_ms) / 1000 AS p99_lag_seconds,
    dateDiff('second', last_ingested_at, now64(6)) AS silence_seconds
FROM {table:device_digest} FINAL
ARRAY JOIN arrival
GROUP BY topic, partition
COMMENT 'One row per topic and partition. events: records that arrived over it, each once. Lags run from a record being read by the collector to its row being made for the store, and are those of the last record of each device and source. silence_seconds: since the newest row was made, by the clock of the store.'
