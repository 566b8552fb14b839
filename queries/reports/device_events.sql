-- The records of some devices, for recomputing their attempts and diagnoses; grain: one per record.
-- Of a device that has more than records_max, whole days from the newest on, until they are reached, and all readings of
-- its inventory: what it is, however long ago it said so.
-- What ReportingEvents.log says of searches that worked is counted and not sent, and tells whether a failed one passed:
-- such a count is a row here, as the collector lays it out.
SELECT *
FROM
(
    SELECT
        device_id,
        event_id,
        source,
        kind,
        occurred_at,
        occurred_at_local,
        zone_source,
        collected_at,
        source_file,
        line_number,
        byte_offset,
        record_id,
        level,
        component,
        channel,
        windows_event_id,
        error_code,
        codes,
        kb_article,
        package,
        signal,
        template,
        message,
        fields,
        device_name,
        topic,
        `partition`,
        `offset`,
        `row`,
        transform_version,
        ingested_at
    FROM update_event FINAL
    PREWHERE device_id IN {device_ids:Array(String)}
    WHERE kind = 'inventory' OR (device_id, toDate32(least(coalesce(occurred_at, occurred_at_local, collected_at), collected_at))) GLOBAL NOT IN
    (
        SELECT device_id, day
        FROM
        (
            SELECT device_id, day, sum(records) OVER (PARTITION BY device_id ORDER BY day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newer
            FROM
            (
                SELECT device_id, toDate32(least(coalesce(occurred_at, occurred_at_local, collected_at), collected_at)) AS day, count() AS records
                FROM update_event
                WHERE device_id IN {device_ids:Array(String)} AND kind != 'inventory'
                GROUP BY device_id, day
            )
        )
        WHERE newer >= {records_max:UInt64}
    )
    UNION ALL
    SELECT
        device_id,
        event_id,
        source,
        CAST('count', 'LowCardinality(String)') AS kind,
        CAST(day, 'Nullable(DateTime64(6, \'UTC\'))') AS occurred_at,
        CAST(day, 'Nullable(DateTime64(6, \'UTC\'))') AS occurred_at_local,
        CAST('assumed', 'LowCardinality(String)') AS zone_source,
        CAST(day, 'DateTime64(6, \'UTC\')') AS collected_at,
        '' AS source_file,
        toUInt64(0) AS line_number,
        toUInt64(0) AS byte_offset,
        CAST(NULL, 'Nullable(UInt64)') AS record_id,
        CAST('unknown', 'LowCardinality(String)') AS level,
        CAST('', 'LowCardinality(String)') AS component,
        CAST('', 'LowCardinality(String)') AS channel,
        CAST(NULL, 'Nullable(UInt32)') AS windows_event_id,
        CAST(NULL, 'Nullable(UInt32)') AS error_code,
        CAST([], 'Array(UInt32)') AS codes,
        CAST(NULL, 'Nullable(UInt32)') AS kb_article,
        '' AS package,
        CAST('', 'LowCardinality(String)') AS signal,
        template,
        '' AS message,
        '' AS fields,
        '' AS device_name,
        topic,
        `partition`,
        `offset`,
        `row`,
        CAST('', 'LowCardinality(String)') AS transform_version,
        CAST(day, 'DateTime64(6, \'UTC\')') AS ingested_at
    FROM noise_profile AS n FINAL
    PREWHERE device_id IN {device_ids:Array(String)}
    WHERE n.source = 'reporting_events' AND n.error_code = 0
        AND n.device_id IN (SELECT device_id FROM update_event WHERE device_id IN {device_ids:Array(String)})
)
ORDER BY device_id, event_id
