-- pipeline_lag: one row per topic and partition.
-- Why: a pipeline that hangs looks like a healthy fleet.
-- Reads: update_event, without FINAL: a row that arrives twice was under way twice.
CREATE OR REPLACE VIEW {view:pipeline_lag} {on_cluster} AS
SELECT
    toString(topic) AS topic,
    partition,
    count() AS events,
    uniq(device_id) AS devices,
    max(offset) AS last_offset,
    max(collected_at) AS last_collected_at,
    max(ingested_at) AS last_ingested_at,
    quantile(0.5)(dateDiff('millisecond', collected_at, ingested_at)) / 1000 AS median_lag_seconds,
    quantile(0.99)(dateDiff('millisecond', collected_at, ingested_at)) / 1000 AS p99_lag_seconds,
    dateDiff('second', last_ingested_at, now64(6)) AS silence_seconds
FROM {table:update_event}
GROUP BY topic, partition
COMMENT 'One row per topic and partition. Lags run from a record being read by the collector to its row being made for the store. silence_seconds: since the newest row was made, by the clock of the store.'
