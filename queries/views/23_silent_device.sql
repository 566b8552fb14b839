-- silent_device: one row per rollout and planned device that says nothing.
-- Why: no news is not good news.
-- Reads: device_compliance.
CREATE OR REPLACE VIEW silent_device {on_cluster} AS
SELECT rollout_id, rollout_name, device_id, device_name, site, ring, reporting, last_seen_at
FROM device_compliance
WHERE reporting IN ('stale', 'never_seen')
COMMENT 'Grain: rollout and planned device that is stale or was never seen. last_seen_at is null for the latter.'
