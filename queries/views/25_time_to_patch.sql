-- time_to_patch: one row per rollout and ring: how long devices took.
-- Why: are we getting faster.
-- Reads: device_compliance, rollout.
CREATE OR REPLACE VIEW time_to_patch {on_cluster} AS
SELECT
    c.rollout_id AS rollout_id,
    c.ring AS ring,
    count() AS installed_devices,
    quantileExact(0.5)(dateDiff('minute', assumeNotNull(r.release_at), assumeNotNull(c.installed_at)) / 1440) AS days_median,
    quantileExact(0.9)(dateDiff('minute', assumeNotNull(r.release_at), assumeNotNull(c.installed_at)) / 1440) AS days_p90
FROM device_compliance AS c
INNER JOIN (SELECT * FROM rollout FINAL WHERE release_at IS NOT NULL) AS r ON r.rollout_id = c.rollout_id
WHERE c.installed_at IS NOT NULL AND c.reporting != 'excluded'
GROUP BY c.rollout_id, c.ring
COMMENT 'Grain: rollout and ring. Days from the update''s release to the verdict installed, over devices that have it.'
