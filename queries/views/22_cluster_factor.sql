-- cluster_factor: one row per cluster, factor and value that its devices have more often than healthy ones.
-- Why: why these devices.
-- Reads: device_digest.
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
    p_adjusted,
    toUInt8(ifNull(p_adjusted < 0.05, 0) AND ifNull(lift >= 2, 1)) AS is_telling
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
                if(c.factor = 'missing_prerequisite', n.devices, c.known) AS devices,
                toUInt64(if(c.factor = 'missing_prerequisite', h.others, w.known)) AS others,
                w.with_values[c.value] AS others_with_factor,
                with_factor + others_with_factor AS has,
                devices + others AS total,
                least(devices, has) AS most,
                lgamma(has + 1.) + lgamma(total - has + 1.) + lgamma(devices + 1.) + lgamma(total - devices + 1.) - lgamma(total + 1.) AS fixed,
                -- Fisher's exact test, one-sided: the chance that at least so many of the cluster's devices have
                -- the value, when it has nothing to do with the failure. Terms shrink from the expected number on;
                -- twelve standard deviations further they are nothing. Below the expected number the chance is about
                -- a half or more, and nobody is told.
                multiIf(
                    others = 0, NULL,
                    with_factor * others <= others_with_factor * devices, 1.,
                    least(1., arraySum(i -> exp(
                        fixed - lgamma(i + 1.) - lgamma(has - i + 1.) - lgamma(devices - i + 1.) - lgamma(total - has - devices + i + 1.)
                    ), range(with_factor, least(most, with_factor + 64 + toUInt64(12 * sqrt(most))) + 1)))) AS p_value
            FROM
            (
                -- A device has a value once, and is in a cluster once. A factor is known of as many devices as have a
                -- first value of it.
                SELECT
                    cluster_key, CAST(name, 'String') AS factor, CAST(found, 'String') AS value, count() AS with_factor,
                    sum(countIf(nth = 1)) OVER (PARTITION BY cluster_key, factor) AS known
                FROM
                (
                    SELECT
                        arrayJoin(arrayFilter((cluster, open) -> open = 1, member.cluster_key, member.is_open)) AS cluster_key,
                        attribute.name AS names, attribute.value AS values, arrayEnumerateUniq(names) AS nths
                    FROM {table:device_digest} FINAL
                    WHERE is_failing = 1
                )
                ARRAY JOIN names AS name, values AS found, nths AS nth
                GROUP BY cluster_key, name, found
            ) AS c
            INNER JOIN
            (
                SELECT arrayJoin(arrayFilter((cluster, open) -> open = 1, member.cluster_key, member.is_open)) AS cluster_key, count() AS devices
                FROM {table:device_digest} FINAL
                WHERE is_failing = 1
                GROUP BY cluster_key
            ) AS n ON n.cluster_key = c.cluster_key
            CROSS JOIN
            (
                SELECT count() AS others
                FROM {table:device_digest} FINAL
                WHERE is_known = 1 AND is_failing = 0
            ) AS h
            LEFT JOIN
            (
                -- One row per factor: its values among devices without an open failure, and how many of them it is known of.
                SELECT g.factor AS factor, sum(g.firsts) AS known, mapFromArrays(groupArray(g.value), groupArray(g.with_value)) AS with_values
                FROM
                (
                    SELECT CAST(name, 'String') AS factor, CAST(found, 'String') AS value, count() AS with_value, countIf(nth = 1) AS firsts
                    FROM
                    (
                        SELECT attribute.name AS names, attribute.value AS values, arrayEnumerateUniq(names) AS nths
                        FROM {table:device_digest} FINAL
                        WHERE is_failing = 0
                    )
                    ARRAY JOIN names AS name, values AS found, nths AS nth
                    GROUP BY name, found
                ) AS g
                GROUP BY g.factor
            ) AS w ON w.factor = c.factor
        )
    )
)
WHERE devices > 1 AND with_factor * others > others_with_factor * devices
ORDER BY cluster_key, p_value, factor, value
COMMENT 'One row per open cluster of two or more devices, factor and value that its devices have more often than devices without an open failure. devices: in the cluster, of which the factor is known; with_factor: of these. others: devices without an open failure, of which the factor is known; others_with_factor: of these. lift: share here by share there, null when no other device has it. p_value: Fisher''s exact test, one-sided, null without others; p_adjusted: by Holm''s method, over the values tried for the cluster. is_telling: 1 = chance does not explain it (adjusted p < 0.05, lift of 2 or more): who has it and did not try yet is at risk.'
