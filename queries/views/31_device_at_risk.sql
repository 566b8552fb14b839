-- device_at_risk: one row per rollout, cluster and device that did not try yet and carries the cluster's factors.
-- Why: which not-yet-patched devices fail next.
-- Reads: cluster_factor, device_compliance, device.
CREATE OR REPLACE VIEW device_at_risk {on_cluster} AS
SELECT
    c.rollout_id AS rollout_id,
    f.cluster_key AS cluster_key,
    c.device_id AS device_id,
    any(c.device_name) AS device_name,
    any(c.site) AS site,
    any(c.ring) AS ring,
    arraySort(groupArray(concat(f.factor, '=', f.value))) AS factors,
    max(f.lift) AS lift_max,
    min(f.p_adjusted) AS p_adjusted_min
FROM (SELECT * FROM cluster_factor WHERE p_adjusted < 0.05 AND lift >= 2) AS f
INNER JOIN
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
) AS t ON t.factor = f.factor AND t.value = f.value
INNER JOIN device_compliance AS c ON c.device_id = t.device_id
WHERE c.state = 'not_started' AND c.reporting IN ('reporting', 'stale')
GROUP BY c.rollout_id, f.cluster_key, c.device_id
COMMENT 'Grain: rollout, cluster and device. Devices that did not try the update yet and carry an attribute that is over-represented in the cluster (adjusted p < 0.05, lift >= 2).'
