-- cluster_device: one row per cluster and device.
-- Why: whom a failure hits, with the line that proves it.
-- Reads: diagnosis, evidence, device, rollout_device.
CREATE OR REPLACE VIEW {view:cluster_device} {on_cluster} AS
SELECT
    g.cluster_key AS cluster_key,
    g.device_id AS device_id,
    if(d.device_name != '', d.device_name, g.device_id) AS device_name,
    if(d.site != '', toString(d.site), p.site) AS site,
    if(d.ring != '', toString(d.ring), p.ring) AS ring,
    d.model AS model,
    d.os_build AS os_build,
    g.verdict.1 AS diagnosis_id,
    g.verdict.2 AS attempt_id,
    g.verdict.3 AS kb_article,
    g.verdict.4 AS cause,
    g.verdict.5 AS alert_subtype,
    g.verdict.6 AS culprit,
    g.verdict.7 AS error_code,
    if(error_code IS NULL, '', concat('0x', leftPad(lower(hex(error_code)), 8, '0'))) AS error_code_hex,
    g.verdict.8 AS error_symbol,
    g.verdict.9 AS inner_code,
    if(inner_code IS NULL, '', concat('0x', leftPad(lower(hex(inner_code)), 8, '0'))) AS inner_code_hex,
    g.verdict.10 AS phase,
    g.verdict.11 AS confidence,
    g.verdict.12 AS summary_en,
    g.verdict.13 AS summary_zh,
    g.verdict.14 AS actions_en,
    g.verdict.15 AS actions_zh,
    g.first_seen_at AS first_seen_at,
    g.last_seen_at AS last_seen_at,
    g.is_open AS is_open,
    e.line.1 AS evidence_text,
    e.line.2 AS evidence_file,
    e.line.3 AS evidence_line
FROM
(
    SELECT
        v.cluster_key AS cluster_key,
        v.device_id AS device_id,
        argMax(
            (
                v.diagnosis_id, v.attempt_id, v.kb_article, toString(v.cause), toString(v.alert_subtype), v.culprit, v.error_code, toString(v.error_symbol),
                v.inner_code, toString(v.phase), v.confidence, v.summary_en, v.summary_zh, v.actions_en, v.actions_zh
            ),
            (v.is_open, ifNull(v.last_seen_at, toDateTime64(0, 6, 'UTC')), v.diagnosis_id)
        ) AS verdict,
        min(v.first_seen_at) AS first_seen_at,
        max(v.last_seen_at) AS last_seen_at,
        max(v.is_open) AS is_open
    FROM (SELECT * FROM {table:diagnosis} FINAL WHERE rank = 0 AND cluster_key != '') AS v
    GROUP BY v.cluster_key, v.device_id
) AS g
LEFT JOIN (SELECT * FROM {table:device} FINAL) AS d ON d.device_id = g.device_id
LEFT JOIN
(
    SELECT device_id, argMax((toString(m.site), toString(m.ring)), m.updated_at) AS place, place.1 AS site, place.2 AS ring
    FROM (SELECT * FROM {table:rollout_device} FINAL) AS m
    GROUP BY device_id
) AS p ON p.device_id = g.device_id
LEFT JOIN
(
    -- The line that names the culprit tells most, then the one that names the cause.
    SELECT device_id, diagnosis_id, argMin((text, source_file, line_number), (indexOf(['culprit', 'cause', 'verdict', 'context'], toString(role)), seq)) AS line
    FROM {table:evidence} FINAL
    GROUP BY device_id, diagnosis_id
) AS e ON e.device_id = g.device_id AND e.diagnosis_id = g.verdict.1
COMMENT 'One row per cluster and device: the verdict of the newest open diagnosis (else the newest), with the line that tells most. is_open: 0 = the update was installed later. Codes are numbers with a hex companion.'
