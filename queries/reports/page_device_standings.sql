-- Where one device stands in the rollouts that plan it, the newest first; grain: one per rollout.
SELECT
    c.rollout_id AS rollout_id, r.name AS rollout_name, r.kb_article AS kb_article, c.device_name AS device_name,
    c.site AS site, c.ring AS ring, c.state AS state, c.exclusion_reason AS exclusion_reason, r.deadline_at AS deadline_at
FROM (SELECT * FROM device_state WHERE device_id = {device_id:String}) AS c
INNER JOIN (SELECT * FROM rollout FINAL) AS r ON r.rollout_id = c.rollout_id
ORDER BY r.started_at DESC NULLS LAST, rollout_id
LIMIT 100
