-- The diagnoses of one device: open ones first, the verdict before what else is possible; grain: one per diagnosis.
-- is_alternative: a better supported diagnosis of the same failure (attempt, or update and code) is among them.
SELECT
    diagnosis_id, rank, kb_article, cause, alert_subtype, error_code, error_symbol, inner_code, culprit, confidence,
    cluster_key, phase, summary_en, summary_zh, actions_en, actions_zh, is_open,
    toUInt8((attempt_id != '' AND rank > min(rank) OVER (PARTITION BY attempt_id))
        OR rank > min(rank) OVER (PARTITION BY kb_article, error_code)) AS is_alternative
FROM diagnosis FINAL
PREWHERE device_id = {device_id:String}
WHERE is_deleted = 0
ORDER BY is_open DESC, last_seen_at DESC NULLS LAST, rank, diagnosis_id
LIMIT 20
