-- cluster_factor: one row per cluster, factor and value that its devices have more often than healthy ones.
-- Why: why these devices.
-- Reads: cluster_device, device_factor, device, diagnosis.
-- Only devices of which the factor is known count, on both sides: what a collector did not report is no
-- difference. A missing prerequisite is known of every device.
CREATE OR REPLACE VIEW {view:cluster_factor} {on_cluster} AS
SELECT
    cluster_key,
    factor,
    value,
    devices,
    with_factor,
    others,
    others_with_factor,
    share,
    others_share,
    lift,
    p_value,
    p_adjusted
FROM
(
    SELECT
        cluster_key,
        factor,
        value,
        devices,
        with_factor,
        others,
        others_with_factor,
        round(with_factor / devices, 4) AS share,
        round(others_with_factor / greatest(others, 1), 4) AS others_share,
        if(others_with_factor = 0, NULL, round((with_factor / devices) / (others_with_factor / others), 3)) AS lift,
        p_value,
        -- Holm's correction over everything that was tried for this cluster: as safe as Bonferroni's, and
        -- finds more. The smallest of m chances counts m times, the next m - 1 times, and none less than
        -- one before it.
        least(1., max(p_value * (tests - place + 1)) OVER (PARTITION BY cluster_key ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)) AS p_adjusted
    FROM
    (
        SELECT
            *,
            count() OVER (PARTITION BY cluster_key) AS tests,
            row_number() OVER (PARTITION BY cluster_key ORDER BY p_value ASC NULLS LAST, factor, value) AS place
        FROM
        (
            SELECT
                c.cluster_key AS cluster_key,
                c.factor AS factor,
                c.value AS value,
                c.with_factor AS with_factor,
                if(c.factor = 'missing_prerequisite', n.devices, k.known) AS devices,
                toUInt64(if(c.factor = 'missing_prerequisite', h.others, o.known)) AS others,
                toUInt64(w.others_with_factor) AS others_with_factor,
                with_factor + others_with_factor AS has,
                devices + others AS total,
                -- Fisher's exact test, one-sided: the chance that at least so many of the cluster's devices have
                -- the value, when it has nothing to do with the failure.
                if(others = 0, NULL, least(1., arraySum(i -> exp(
                    lgamma(has + 1.) - lgamma(i + 1.) - lgamma(has - i + 1.)
                    + lgamma(total - has + 1.) - lgamma(devices - i + 1.) - lgamma(total - has - devices + i + 1.)
                    - lgamma(total + 1.) + lgamma(devices + 1.) + lgamma(total - devices + 1.)
                ), range(with_factor, least(devices, has) + 1)))) AS p_value
            FROM
            (
                SELECT m.cluster_key AS cluster_key, f.factor AS factor, f.value AS value, uniqExact(m.device_id) AS with_factor
                FROM (SELECT cluster_key, device_id FROM {view:cluster_device} WHERE is_open = 1) AS m
                INNER JOIN (SELECT * FROM {view:device_factor}) AS f ON f.device_id = m.device_id
                GROUP BY cluster_key, factor, value
            ) AS c
            INNER JOIN
            (
                SELECT cluster_key, uniqExact(device_id) AS devices
                FROM {view:cluster_device}
                WHERE is_open = 1
                GROUP BY cluster_key
            ) AS n ON n.cluster_key = c.cluster_key
            INNER JOIN
            (
                SELECT m.cluster_key AS cluster_key, f.factor AS factor, uniqExact(m.device_id) AS known
                FROM (SELECT cluster_key, device_id FROM {view:cluster_device} WHERE is_open = 1) AS m
                INNER JOIN (SELECT * FROM {view:device_factor}) AS f ON f.device_id = m.device_id
                GROUP BY cluster_key, factor
            ) AS k ON k.cluster_key = c.cluster_key AND k.factor = c.factor
            CROSS JOIN
            (
                SELECT count() AS others
                FROM {table:device} FINAL
                WHERE device_id NOT IN (SELECT device_id FROM {table:diagnosis} FINAL WHERE rank = 0 AND is_open = 1)
            ) AS h
            LEFT JOIN
            (
                SELECT factor, uniqExact(device_id) AS known
                FROM {view:device_factor}
                WHERE device_id NOT IN (SELECT device_id FROM {table:diagnosis} FINAL WHERE rank = 0 AND is_open = 1)
                GROUP BY factor
            ) AS o ON o.factor = c.factor
            LEFT JOIN
            (
                SELECT factor, value, uniqExact(device_id) AS others_with_factor
                FROM {view:device_factor}
                WHERE device_id NOT IN (SELECT device_id FROM {table:diagnosis} FINAL WHERE rank = 0 AND is_open = 1)
                GROUP BY factor, value
            ) AS w ON w.factor = c.factor AND w.value = c.value
        )
    )
)
WHERE devices > 1 AND with_factor * others > others_with_factor * devices
ORDER BY cluster_key, p_value, factor, value
COMMENT 'One row per open cluster of two or more devices, factor and value that its devices have more often than devices without an open failure. devices: in the cluster, of which the factor is known; with_factor: of these. others: devices without an open failure, of which the factor is known; others_with_factor: of these. lift: share here by share there, null when no other device has it. p_value: Fisher''s exact test, one-sided, null without others; p_adjusted: by Holm''s method, over the values tried for the cluster.'
