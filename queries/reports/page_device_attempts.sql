-- The attempts of one device, newest first; grain: one per attempt.
SELECT
    attempt_id, kb_article, title, started_at, ended_at, outcome, furthest_client_substate, phase, error_code,
    inner_code, extend_code, sources, toUnixTimestamp(started_at) AS started_s, toUnixTimestamp(ended_at) AS ended_s
FROM update_attempt FINAL
PREWHERE device_id = {device_id:String}
WHERE is_deleted = 0
ORDER BY update_attempt.started_at DESC NULLS LAST, attempt_id
LIMIT 200
