-- device_place: one row per device that reported.
-- Why: ring and site stand in the inventory of some fleets and in the plan of others; rules need one answer.
-- Reads: device, rollout_device.
CREATE OR REPLACE VIEW {view:device_place} {on_cluster} AS
SELECT
    d.device_id AS device_id,
    CAST(if(d.ring != '', toString(d.ring), p.place.1) AS LowCardinality(String)) AS ring,
    CAST(if(d.site != '', toString(d.site), p.place.2) AS LowCardinality(String)) AS site
FROM (SELECT device_id, ring, site FROM {table:device} FINAL) AS d
LEFT JOIN
(
    -- The newest plan that names it, where the inventory says nothing; argMax needs no FINAL.
    SELECT device_id, argMax((toString(r.ring), toString(r.site)), r.updated_at) AS place
    FROM {table:rollout_device} AS r
    WHERE r.device_id IN (SELECT device_id FROM {table:device} FINAL WHERE ring = '' OR site = '')
    GROUP BY device_id
) AS p ON p.device_id = d.device_id
COMMENT 'One row per device that reported. ring, site: of its inventory, else of the newest plan that names it; empty when neither says.'
