-- What was refused, most first; grain: one per reason and refusing stage.
SELECT
    reason, refused_by, count() AS rejects, uniqExactIf(device_id, device_id != '') AS devices,
    toString(max(collected_at)) AS last_at,
    argMax(device_id, collected_at) AS sample_device_id, argMax(source_file, collected_at) AS sample_file,
    argMax(line_number, collected_at) AS sample_line, argMax(detail, collected_at) AS sample_detail
FROM reject FINAL
GROUP BY reason, refused_by
ORDER BY rejects DESC, reason, refused_by
LIMIT 50
