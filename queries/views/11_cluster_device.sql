-- cluster_device: one row per cluster and device.
-- Why: whom a failure hits, with the line that proves it.
-- Reads: diagnosis, evidence, device, rollout_device.
CREATE OR REPLACE VIEW cluster_device {on_cluster} AS
SELECT
    g.cluster_key AS cluster_key,
    g.device_id AS device_id,
    d.device_name AS device_name,
    if(d.site != '', toString(d.site), p.site) AS site,
    if(d.ring != '', toString(d.ring), p.ring) AS ring,
    d.os_build AS os_build,
    toString(d.model) AS model,
    g.cause AS cause,
    g.alert_subtype AS alert_subtype,
    g.culprit AS culprit,
    g.kb_article AS kb_article,
    g.error_code AS error_code,
    if(g.error_code IS NULL, '', concat('0x', lower(leftPad(hex(assumeNotNull(g.error_code)), 8, '0')))) AS error_code_hex,
    g.error_symbol AS error_symbol,
    g.inner_code AS inner_code,
    if(g.inner_code IS NULL, '', concat('0x', lower(leftPad(hex(assumeNotNull(g.inner_code)), 8, '0')))) AS inner_code_hex,
    g.phase AS phase,
    g.confidence AS confidence,
    g.is_open AS is_open,
    g.first_seen_at AS first_seen_at,
    g.last_seen_at AS last_seen_at,
    g.summary_en AS summary_en,
    g.summary_zh AS summary_zh,
    g.actions_en AS actions_en,
    g.actions_zh AS actions_zh,
    e.source_file AS evidence_file,
    e.line_number AS evidence_line,
    e.text AS evidence_text
FROM
(
    -- One row per device and cluster: the verdict of its newest failure.
    SELECT * FROM diagnosis FINAL
    WHERE rank = 0
    ORDER BY is_open DESC, last_seen_at DESC NULLS LAST, diagnosis_id
    LIMIT 1 BY device_id, cluster_key
) AS g
LEFT JOIN (SELECT * FROM device FINAL) AS d ON d.device_id = g.device_id
LEFT JOIN (SELECT device_id, any(toString(site)) AS site, any(toString(ring)) AS ring FROM rollout_device FINAL GROUP BY device_id) AS p ON p.device_id = g.device_id
LEFT JOIN
(
    SELECT device_id, diagnosis_id, source_file, line_number, text FROM evidence FINAL
    ORDER BY device_id, diagnosis_id, role != 'cause', role != 'culprit', seq
    LIMIT 1 BY device_id, diagnosis_id
) AS e ON e.device_id = g.device_id AND e.diagnosis_id = g.diagnosis_id
COMMENT 'Grain: cluster and device, the verdict only. is_open: 0 when the device installed the update later. evidence_*: the line that names the cause.'
