-- device_factor: one row per device, factor and value.
-- Why: what a device is, as values that can be compared; the lower layer of cluster_factor and device_at_risk.
-- Reads: device_digest, made by refresh/device_digest.sql, which says what each factor is.
CREATE OR REPLACE VIEW {view:device_factor} {on_cluster} AS
SELECT
    device_id,
    CAST(name, 'String') AS factor,
    CAST(found, 'String') AS value
FROM {table:device_digest} FINAL
ARRAY JOIN attribute.name AS name, attribute.value AS found
COMMENT 'One row per device, factor and value. factor: os_build_number (servicing branch), ubr (before the update), os_edition, architecture, model, manufacturer, site, ring, locale, servicing_stack, missing_prerequisite, security_product, service_start (name=start type), free_space (volume and range).'
