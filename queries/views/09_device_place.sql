-- device_place: one row per device that reported.
-- Why: ring and site stand in the inventory of some fleets and in the plan of others; rules need one answer. Rollouts go
-- by the rings of their plans, so that the plan comes first, as in device_standing.
-- Reads: device_digest, made by refresh/device_digest.sql, which decides.
CREATE OR REPLACE VIEW {view:device_place} {on_cluster} AS
SELECT device_id, place.ring AS ring, place.site AS site
FROM {table:device_digest} FINAL
WHERE is_known = 1
COMMENT 'One row per device that reported. ring, site: of the newest plan that names it, else of its inventory; empty when neither says.'
