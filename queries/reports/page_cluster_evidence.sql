-- Evidence of one cluster, of the three devices with the surest and newest verdicts, at most two lines of each role;
-- grain: one per device and line.
SELECT
    e.device_id AS device_id, g.device_name AS device_name, e.diagnosis_id AS diagnosis_id, e.role AS role,
    e.source AS source, e.source_file AS source_file, e.line_number AS line_number, e.byte_offset AS byte_offset,
    e.record_id AS record_id, e.occurred_at AS occurred_at, e.text AS text
FROM
(
    SELECT device_id, device_name, diagnosis_id, confidence, last_seen_at
    FROM cluster_device
    WHERE cluster_key = {cluster_key:String}
    ORDER BY is_open DESC, confidence DESC, last_seen_at DESC NULLS LAST, device_id
    LIMIT 3
) AS g
INNER JOIN (SELECT * FROM evidence FINAL) AS e ON e.device_id = g.device_id AND e.diagnosis_id = g.diagnosis_id
ORDER BY g.confidence DESC, g.last_seen_at DESC NULLS LAST, e.device_id, e.seq
LIMIT 2 BY e.device_id, e.role
LIMIT 12
