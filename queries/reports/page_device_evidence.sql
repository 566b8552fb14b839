-- The evidence of one device's diagnoses, in order; grain: one per diagnosis and line.
SELECT device_id, diagnosis_id, role, source, source_file, line_number, byte_offset, record_id, occurred_at, text
FROM evidence FINAL
PREWHERE device_id = {device_id:String}
WHERE is_deleted = 0
ORDER BY diagnosis_id, seq
LIMIT 500
