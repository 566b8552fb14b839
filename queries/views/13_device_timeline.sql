-- device_timeline: one row per thing that happened on a device, from all sources on one time axis.
-- Why: what happened on this device, in order.
-- Reads: update_event, update_attempt.
CREATE OR REPLACE VIEW device_timeline {on_cluster} AS
SELECT
    device_id,
    occurred_at AS at,
    'event' AS kind,
    toString(source) AS source,
    toString(signal) AS signal,
    kb_article,
    error_code,
    if(error_code IS NULL, '', concat('0x', lower(leftPad(hex(assumeNotNull(error_code)), 8, '0')))) AS error_code_hex,
    message AS text,
    source_file,
    line_number
FROM update_event FINAL
WHERE kind = 'record' AND occurred_at IS NOT NULL AND (signal != '' OR error_code IS NOT NULL)
UNION ALL
SELECT
    device_id,
    coalesce(ended_at, started_at) AS at,
    'attempt' AS kind,
    arrayStringConcat(sources, ',') AS source,
    toString(outcome) AS signal,
    kb_article,
    error_code,
    if(error_code IS NULL, '', concat('0x', lower(leftPad(hex(assumeNotNull(error_code)), 8, '0')))) AS error_code_hex,
    concat(title, if(furthest_client_substate = '', '', concat(' → ', toString(furthest_client_substate)))) AS text,
    '' AS source_file,
    toUInt64(0) AS line_number
FROM update_attempt FINAL
WHERE coalesce(ended_at, started_at) IS NOT NULL
COMMENT 'Grain: record that says something about an update, or attempt (at its verdict). at is UTC. signal: what a record says; for attempts the outcome.'
