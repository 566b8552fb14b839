-- device_at_risk: one row per rollout, cluster and device that did not try yet and has what the cluster's devices have.
-- Why: which devices fail next, so that they can be helped before.
-- Reads: cluster_factor, device_factor, device_compliance.
CREATE OR REPLACE VIEW {view:device_at_risk} {on_cluster} AS
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
FROM (SELECT * FROM {view:cluster_factor} WHERE p_adjusted < 0.05 AND ifNull(lift >= 2, 1)) AS f
INNER JOIN (SELECT * FROM {view:device_factor}) AS v ON v.factor = f.factor AND v.value = f.value
INNER JOIN (SELECT * FROM {view:device_compliance} WHERE state IN ('not_started', 'stale')) AS c ON c.device_id = v.device_id
GROUP BY rollout_id, cluster_key, device_id
ORDER BY rollout_id, p_adjusted_min, cluster_key, device_id
COMMENT 'One row per rollout, cluster and device that did not try the update yet and has a value that the cluster''s devices have more often than chance explains (adjusted p < 0.05, lift of 2 or more). factors: these values. lift_max is null when no device without a failure has any of them.'
