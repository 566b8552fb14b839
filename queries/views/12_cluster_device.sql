-- cluster_device: one row per cluster and device.
-- Why: whom a failure hits, with the line that proves it.
-- Reads: device_digest, made by refresh/device_digest.sql.
CREATE OR REPLACE VIEW {view:cluster_device} {on_cluster} AS
SELECT
    member.cluster_key AS cluster_key,
    device_id,
    if(device_name != '', device_name, device_id) AS device_name,
    CAST(place.site, 'String') AS site,
    CAST(place.ring, 'String') AS ring,
    model,
    os_build,
    member.diagnosis_id AS diagnosis_id,
    member.attempt_id AS attempt_id,
    member.kb_article AS kb_article,
    CAST(member.cause, 'String') AS cause,
    CAST(member.alert_subtype, 'String') AS alert_subtype,
    member.culprit AS culprit,
    member.error_code AS error_code,
    if(error_code IS NULL, '', concat('0x', leftPad(lower(hex(error_code)), 8, '0'))) AS error_code_hex,
    CAST(member.error_symbol, 'String') AS error_symbol,
    member.inner_code AS inner_code,
    if(inner_code IS NULL, '', concat('0x', leftPad(lower(hex(inner_code)), 8, '0'))) AS inner_code_hex,
    CAST(member.phase, 'String') AS phase,
    member.confidence AS confidence,
    member.summary_en AS summary_en,
    member.summary_zh AS summary_zh,
    member.actions_en AS actions_en,
    member.actions_zh AS actions_zh,
    member.first_seen_at AS first_seen_at,
    member.last_seen_at AS last_seen_at,
    member.is_open AS is_open,
    -- The last installation that followed a failure of the cluster; 1970 stands for none while they are compared.
    if(member.is_open = 1, NULL, nullIf(arrayMax(arrayMap(
        (of, at) -> if(of = member.cluster_key, ifNull(at, toDateTime64(0, 6, 'UTC')), toDateTime64(0, 6, 'UTC')),
        arrayPushFront(remedy.cluster_key, ''), arrayPushFront(remedy.installed_at, NULL))), toDateTime64(0, 6, 'UTC'))) AS closed_at,
    member.evidence_text AS evidence_text,
    member.evidence_file AS evidence_file,
    member.evidence_line AS evidence_line
FROM {table:device_digest} FINAL
ARRAY JOIN member
COMMENT 'One row per cluster and device: the verdict of the newest open diagnosis (else the newest), with the line that tells most. is_open: 0 = the update was installed later; closed_at: when, null while it is open or where that is not known. Codes are numbers with a hex companion.'
