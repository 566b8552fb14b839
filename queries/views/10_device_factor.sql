-- device_factor: one row per device, factor and value.
-- Why: what a device is, as values that can be compared; the lower layer of cluster_factor and device_at_risk.
-- Reads: device.
-- The servicing branch stands for the build: the revision changes with the very update that is judged, so
-- that every device that failed would share the old one.
CREATE OR REPLACE VIEW {view:device_factor} {on_cluster} AS
SELECT
    device_id,
    pair.1 AS factor,
    pair.2 AS value
FROM
(
    SELECT
        device_id,
        arrayJoin(arrayConcat(
            [
                ('os_build_number', toString(ifNull(os_build_number, 0))),
                ('os_edition', os_edition),
                ('architecture', toString(architecture)),
                ('model', model),
                ('manufacturer', manufacturer),
                ('site', toString(site)),
                ('ring', toString(ring)),
                ('locale', toString(locale))
            ],
            arrayMap(product -> ('security_product', trimBoth(product)), splitByChar(';', JSONExtractString(facts, 'security_products'))),
            arrayMap(
                fact -> ('service_start', concat(substring(fact.1, length('service_start.') + 1), '=', fact.2)),
                arrayFilter(fact -> startsWith(fact.1, 'service_start.'), JSONExtractKeysAndValues(facts, 'String')))
        )) AS pair
    FROM {table:device} FINAL
)
WHERE value NOT IN ('', '0')
COMMENT 'One row per device, factor and value. factor: os_build_number (servicing branch), os_edition, architecture, model, manufacturer, site, ring, locale, security_product, service_start (name=start type).'
