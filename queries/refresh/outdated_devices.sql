-- Devices whose row in device_digest or device_standing was made from an older generation, from an older plan, in an
-- older layout, or is missing; grain: one per device. Without FINAL where the newest is asked for: the largest is the newest.
SELECT DISTINCT device_id
FROM
(
    SELECT s.device_id AS device_id
    FROM
    (
        SELECT device_id, max(made) AS generation, max(written) AS planned_at
        FROM
        (
            SELECT device_id, generation AS made, toDateTime64(0, 6, 'UTC') AS written FROM {table:device}
            UNION ALL
            SELECT device_id, toUInt64(0) AS made, updated_at AS written FROM {table:rollout_device}
            UNION ALL
            SELECT DISTINCT device_id, toUInt64(0) AS made, toDateTime64(0, 6, 'UTC') AS written FROM {table:diagnosis}
            UNION ALL
            SELECT DISTINCT device_id, toUInt64(0) AS made, toDateTime64(0, 6, 'UTC') AS written FROM {table:update_attempt}
            UNION ALL
            SELECT DISTINCT device_id, toUInt64(0) AS made, toDateTime64(0, 6, 'UTC') AS written FROM {table:noise_profile}
        )
        GROUP BY device_id
    ) AS s
    LEFT JOIN (SELECT device_id, generation, planned_at, layout FROM {table:device_digest} FINAL) AS d ON d.device_id = s.device_id
    WHERE d.device_id = '' OR d.generation != s.generation OR d.planned_at != s.planned_at OR d.layout != {layout:UInt16}
    UNION ALL
    SELECT p.device_id AS device_id
    FROM
    (
        SELECT m.rollout_id AS rollout_id, m.device_id AS device_id, greatest(m.updated_at, r.updated_at) AS planned_at
        FROM (SELECT rollout_id, device_id, updated_at FROM {table:rollout_device} FINAL) AS m
        INNER JOIN (SELECT rollout_id, updated_at FROM {table:rollout} FINAL) AS r ON r.rollout_id = m.rollout_id
    ) AS p
    LEFT JOIN (SELECT device_id, max(generation) AS newest FROM {table:device} GROUP BY device_id) AS d ON d.device_id = p.device_id
    LEFT JOIN (SELECT rollout_id, device_id, generation, planned_at FROM {table:device_standing} FINAL) AS s
        ON s.rollout_id = p.rollout_id AND s.device_id = p.device_id
    WHERE s.device_id = '' OR s.generation != d.newest OR s.planned_at != p.planned_at
)
ORDER BY device_id
