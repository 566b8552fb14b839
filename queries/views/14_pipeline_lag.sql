-- pipeline_lag: one row per topic and partition: how far the pipeline is behind.
-- Why: a pipeline that hangs looks like a healthy fleet.
-- Reads: update_event.
CREATE OR REPLACE VIEW pipeline_lag {on_cluster} AS
SELECT
    toString(topic) AS topic,
    partition,
    count() AS rows,
    max(offset) AS last_offset,
    max(collected_at) AS last_collected_at,
    max(ingested_at) AS last_ingested_at,
    quantile(0.5)(dateDiff('millisecond', collected_at, ingested_at)) / 1000 AS lag_seconds_median,
    quantile(0.99)(dateDiff('millisecond', collected_at, ingested_at)) / 1000 AS lag_seconds_p99,
    dateDiff('second', max(ingested_at), now64(6)) AS silence_seconds
FROM update_event
GROUP BY topic, partition
COMMENT 'Grain: topic and partition. lag_seconds: from collecting a record to storing it; silence_seconds: since the last record was stored.'
