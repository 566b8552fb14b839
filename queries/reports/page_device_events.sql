-- The newest records of one device; grain: one per event. all = 0 keeps those that tell about an attempt.
SELECT occurred_at, source, component, signal, error_code, message, source_file, line_number
FROM update_event FINAL
PREWHERE device_id = {device_id:String}
WHERE kind = 'record' AND ({all:UInt8} = 1 OR signal != '')
ORDER BY occurred_at DESC NULLS LAST, source_file, line_number DESC
LIMIT {max_rows:UInt32}
