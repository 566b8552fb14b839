-- update_try: one row per device and update that it tried.
-- Why: devices are counted, never attempts: a device that fails every night is one device.
-- Reads: device_digest, made by refresh/device_digest.sql.
-- Times are of the first time that something happened, or have an end, so that leaving out what is later than a moment
-- gives what was known at that moment: the alert rules and their back-test rest on it.
CREATE OR REPLACE VIEW {view:update_try} {on_cluster} AS
SELECT
    device_id,
    try.kb_article AS kb_article,
    place.ring AS ring,
    place.site AS site,
    try.tried_at AS tried_at,
    try.installed_at AS installed_at,
    try.rolled_back_at AS rolled_back_at,
    try.failures AS failures,
    try.lapses AS lapses
FROM {table:device_digest} FINAL
ARRAY JOIN try
COMMENT 'One row per device and update that it tried. kb_article: 0 for attempts that name no update. tried_at: end of the first attempt that has a time. installed_at: of the first that succeeded, null when none did; rolled_back_at: of the last that was rolled back. failures: each failing code with the time at which the device got it first. lapses: each failing code with the time at which it was got first, or first after an installation, and the time of the installation that ended it, null when none did; an attempt that names no update is ended by the next installed update of Windows.'
