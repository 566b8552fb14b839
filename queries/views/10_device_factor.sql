-- device_factor: one row per device, factor and value.
-- Why: what a device is, as values that can be compared; the lower layer of cluster_factor and device_at_risk.
-- Reads: device.
-- The servicing branch stands for the build: the revision changes with the very update that is judged, so
-- that every device that failed would share the old one. ubr is therefore the revision of the time before the
-- update, and a device of which only a later inventory is known has none.
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
                ('ubr', splitByChar('.', JSONExtractString(facts, 'os_build_before'))[4]),
                ('os_edition', os_edition),
                ('architecture', toString(architecture)),
                ('model', model),
                ('manufacturer', manufacturer),
                ('site', toString(site)),
                ('ring', toString(ring)),
                ('locale', toString(locale)),
                ('servicing_stack', JSONExtractString(facts, 'servicing_stack')),
                ('missing_prerequisite', JSONExtractString(facts, 'missing_prerequisite'))
            ],
            arrayMap(product -> ('security_product', trimBoth(product)), splitByChar(';', JSONExtractString(facts, 'security_products'))),
            arrayMap(
                fact -> ('service_start', concat(substring(fact.1, length('service_start.') + 1), '=', fact.2)),
                arrayFilter(fact -> startsWith(fact.1, 'service_start.'), JSONExtractKeysAndValues(facts, 'String'))),
            arrayMap(
                fact -> ('free_space', concat(substring(fact.1, length('free_space_mb.') + 1), ' ', multiIf(
                    toUInt64OrZero(fact.2) < 2048, 'below 2 GiB',
                    toUInt64OrZero(fact.2) < 10240, '2 to 10 GiB',
                    toUInt64OrZero(fact.2) < 20480, '10 to 20 GiB',
                    toUInt64OrZero(fact.2) < 51200, '20 to 50 GiB',
                    '50 GiB and more'))),
                arrayFilter(fact -> startsWith(fact.1, 'free_space_mb.') AND toUInt64OrNull(fact.2) IS NOT NULL, JSONExtractKeysAndValues(facts, 'String')))
        )) AS pair
    FROM {table:device} FINAL
)
WHERE value NOT IN ('', '0')
COMMENT 'One row per device, factor and value. factor: os_build_number (servicing branch), ubr (before the update), os_edition, architecture, model, manufacturer, site, ring, locale, servicing_stack, missing_prerequisite, security_product, service_start (name=start type), free_space (volume and range).'
