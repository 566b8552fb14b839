-- cluster_factor: one row per cluster, factor and value that its devices have more often than healthy ones.
-- Why: why these devices.
-- Reads: cluster_device, device_factor, device, diagnosis.
CREATE OR REPLACE VIEW {view:cluster_factor} {on_cluster} AS
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
    -- Fisher's exact test, one-sided: the chance that at least so many of the cluster's devices have the value,
    -- when it has nothing to do with the failure.
    if(others = 0, NULL, least(1., arraySum(k -> exp(
        lgamma(has + 1.) - lgamma(k + 1.) - lgamma(has - k + 1.)
        + lgamma(total - has + 1.) - lgamma(devices - k + 1.) - lgamma(total - has - devices + k + 1.)
        - lgamma(total + 1.) + lgamma(devices + 1.) + lgamma(total - devices + 1.)
    ), range(with_factor, least(devices, has) + 1)))) AS p_value,
    -- Bonferroni over everything that was tried for this cluster.
    least(1., p_value * tests) AS p_adjusted
FROM
(
    SELECT
        c.cluster_key AS cluster_key,
        c.factor AS factor,
        c.value AS value,
        c.with_factor AS with_factor,
        n.devices AS devices,
        toUInt64(h.others) AS others,
        toUInt64(o.others_with_factor) AS others_with_factor,
        with_factor + others_with_factor AS has,
        devices + others AS total,
        count() OVER (PARTITION BY c.cluster_key) AS tests
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
    CROSS JOIN
    (
        SELECT count() AS others
        FROM {table:device} FINAL
        WHERE device_id NOT IN (SELECT device_id FROM {table:diagnosis} FINAL WHERE rank = 0 AND is_open = 1)
    ) AS h
    LEFT JOIN
    (
        SELECT factor, value, count() AS others_with_factor
        FROM {view:device_factor}
        WHERE device_id NOT IN (SELECT device_id FROM {table:diagnosis} FINAL WHERE rank = 0 AND is_open = 1)
        GROUP BY factor, value
    ) AS o ON o.factor = c.factor AND o.value = c.value
)
WHERE devices > 1 AND with_factor * others > others_with_factor * devices
ORDER BY cluster_key, p_value, factor, value
COMMENT 'One row per open cluster of two or more devices, factor and value that its devices have more often than devices without an open failure. devices: in the cluster; with_factor: of these. others: devices without an open failure; others_with_factor: of these. lift: share here by share there, null when no other device has it. p_value: Fisher''s exact test, one-sided, null without others; p_adjusted: times the values tried for the cluster.'
