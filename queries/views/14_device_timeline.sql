-- device_timeline: one row per device and thing that happened.
-- Why: what happened on this device, in order, from all sources.
-- Reads: update_event, update_attempt, diagnosis.
CREATE OR REPLACE VIEW {view:device_timeline} {on_cluster} AS
SELECT
    device_id,
    at,
    entry,
    source,
    kb_article,
    error_code,
    if(error_code IS NULL, '', concat('0x', leftPad(lower(hex(error_code)), 8, '0'))) AS error_code_hex,
    what,
    text,
    source_file,
    line_number,
    id
FROM
(
    SELECT device_id, occurred_at AS at, 'record' AS entry, toString(source) AS source, kb_article, error_code, toString(signal) AS what, message AS text, source_file, line_number, event_id AS id
    FROM {table:update_event} FINAL
    WHERE kind = 'record' AND (signal != '' OR error_code IS NOT NULL)
    UNION ALL
    SELECT device_id, started_at AS at, 'attempt_started' AS entry, '' AS source, kb_article, CAST(NULL AS Nullable(UInt32)) AS error_code, '' AS what, title AS text, '' AS source_file, 0 AS line_number, attempt_id AS id
    FROM {table:update_attempt} FINAL
    UNION ALL
    SELECT device_id, ended_at AS at, 'attempt_ended' AS entry, '' AS source, kb_article, error_code, toString(outcome) AS what, title AS text, '' AS source_file, 0 AS line_number, attempt_id AS id
    FROM {table:update_attempt} FINAL
    WHERE ended_at IS NOT NULL
    UNION ALL
    SELECT device_id, last_seen_at AS at, 'diagnosis' AS entry, '' AS source, kb_article, error_code, toString(cause) AS what, summary_en AS text, '' AS source_file, 0 AS line_number, diagnosis_id AS id
    FROM {table:diagnosis} FINAL
    WHERE rank = 0
)
COMMENT 'One row per device and thing that happened, in no order. entry: record, attempt_started, attempt_ended or diagnosis. what: the signal of a record, the outcome of an attempt, the cause of a diagnosis. at is null where the source states no time.'
