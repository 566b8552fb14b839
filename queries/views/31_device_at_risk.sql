-- device_at_risk: one row per rollout, cluster and device that did not try yet and has what the cluster's devices have.
-- Why: which devices fail next, so that they can be helped before.
-- Reads: cluster_factor, device_digest, device_state.
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
FROM
(
    SELECT w.*, CAST(name, 'String') AS factor, CAST(found, 'String') AS value
    FROM
    (
        SELECT s.rollout_id AS rollout_id, s.device_id AS device_id, s.device_name AS device_name, s.site AS site, s.ring AS ring, d.names AS names, d.values AS values
        FROM (SELECT device_id, attribute.name AS names, attribute.value AS values FROM {table:device_digest} FINAL) AS d
        INNER JOIN (SELECT * FROM {view:device_state} WHERE state IN ('not_started', 'stale')) AS s ON s.device_id = d.device_id
    ) AS w
    ARRAY JOIN w.names AS name, w.values AS found
) AS c
INNER JOIN (SELECT * FROM {view:cluster_factor} WHERE is_telling = 1) AS f ON f.factor = c.factor AND f.value = c.value
GROUP BY rollout_id, cluster_key, device_id
ORDER BY rollout_id, p_adjusted_min, cluster_key, device_id
COMMENT 'One row per rollout, cluster and device that did not try the update yet and has a value that the cluster''s devices have more often than chance explains (adjusted p < 0.05, lift of 2 or more). factors: these values. lift_max is null when no device without a failure has any of them.'
