-- cluster_factor: one row per cluster, attribute and value that its devices have more often than others.
-- Why: why these devices.
-- Reads: cluster_device, device, diagnosis.
CREATE OR REPLACE VIEW cluster_factor {on_cluster} AS
WITH
    attribute AS
    (
        SELECT device_id, a.1 AS factor, a.2 AS value
        FROM
        (
            SELECT
                device_id,
                arrayConcat(
                    [('os_build', os_build), ('os_name', toString(os_name)), ('model', toString(model)), ('manufacturer', toString(manufacturer)),
                     ('site', toString(site)), ('ring', toString(ring)), ('locale', toString(locale)), ('architecture', toString(architecture))],
                    arrayMap(product -> ('security_product', trim(product)), splitByChar(';', JSONExtractString(facts, 'security_products'))),
                    arrayMap(f -> (f.1, f.2), arrayFilter(f -> startsWith(f.1, 'service_start.'), JSONExtractKeysAndValues(facts, 'String')))) AS attributes
            FROM device FINAL
        )
        ARRAY JOIN attributes AS a
        WHERE a.2 != ''
    ),
    failing AS (SELECT DISTINCT cluster_key, device_id FROM cluster_device),
    -- The controls: devices that report and have no diagnosis at all.
    healthy AS (SELECT device_id FROM device FINAL WHERE device_id NOT IN (SELECT device_id FROM diagnosis FINAL WHERE rank = 0)),
    inside AS
    (
        SELECT f.cluster_key AS cluster_key, a.factor AS factor, a.value AS value, uniqExact(f.device_id) AS devices_with
        FROM failing AS f INNER JOIN attribute AS a ON a.device_id = f.device_id
        GROUP BY cluster_key, factor, value
    ),
    outside AS (SELECT factor, value, uniqExact(device_id) AS others_with FROM attribute WHERE device_id IN (SELECT device_id FROM healthy) GROUP BY factor, value),
    size AS (SELECT cluster_key, uniqExact(device_id) AS devices FROM failing GROUP BY cluster_key)
SELECT
    i.cluster_key AS cluster_key,
    i.factor AS factor,
    i.value AS value,
    s.devices AS devices,
    i.devices_with AS with_factor,
    assumeNotNull((SELECT count() FROM healthy)) AS others,
    o.others_with AS others_with_factor,
    -- Half a device is added to each side, so that an attribute that no other device has stays finite.
    round(((i.devices_with + 0.5) / (s.devices + 1)) / ((o.others_with + 0.5) / (others + 1)), 3) AS lift,
    -- Fisher's exact test, one-sided: the chance that at least so many of the cluster's devices have
    -- the attribute, when it has nothing to do with the failure.
    least(1., arraySum(k -> exp(
        lgamma(with_all + 1) - lgamma(k + 1) - lgamma(with_all - k + 1)
        + lgamma(total - with_all + 1) - lgamma(devices - k + 1) - lgamma(total - with_all - devices + k + 1)
        - lgamma(total + 1) + lgamma(devices + 1) + lgamma(total - devices + 1)),
        range(i.devices_with, least(with_all, s.devices) + 1))) AS p_value,
    -- Bonferroni over everything that was tried for this cluster.
    least(1., p_value * count() OVER (PARTITION BY i.cluster_key)) AS p_adjusted,
    i.devices_with + o.others_with AS with_all,
    s.devices + others AS total
FROM inside AS i
INNER JOIN size AS s ON s.cluster_key = i.cluster_key
LEFT JOIN outside AS o ON o.factor = i.factor AND o.value = i.value
COMMENT 'Grain: cluster, factor and value. with_factor of devices in the cluster against others_with_factor of others without any diagnosis. p_value: Fisher''s exact test, one-sided; p_adjusted: times the values tried for the cluster.'
