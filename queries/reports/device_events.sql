-- The records of some devices, for recomputing their attempts and diagnoses; grain: one per record.
-- Of a device that has more than records_max, whole days from the newest on, until they are reached, and all readings of
-- its inventory: what it is, however long ago it said so.
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
ORDER BY device_id, event_id
