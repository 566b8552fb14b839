-- One device; grain: at most one row. A planned device that never reported is not found here.
SELECT
    device_id, device_name, os_build, os_name, os_edition, architecture, model, manufacturer, site, ring, locale,
    toString(last_seen_at) AS last_seen_at, facts
FROM device FINAL
PREWHERE device_id = {device_id:String}
