-- Where one device stands in the rollouts that plan it, the newest first; grain: one per rollout. As device_state, for
-- which the whole fleet would be read: silent_before is a JSON object of rollout_clock, by rollout.
SELECT
    c.rollout_id AS rollout_id, r.name AS rollout_name, r.kb_article AS kb_article, c.device_name AS device_name,
    toString(c.site) AS site, toString(c.ring) AS ring,
    if(c.standing NOT IN ('excluded', 'never_seen')
        AND ifNull(c.last_seen_at < parseDateTime64BestEffortOrNull(JSONExtractString({silent_before:String}, c.rollout_id), 6, 'UTC'), 0),
        'stale', toString(c.standing)) AS state,
    c.exclusion_reason AS exclusion_reason, r.deadline_at AS deadline_at
FROM (SELECT * FROM device_standing FINAL PREWHERE device_id = {device_id:String} WHERE is_deleted = 0) AS c
INNER JOIN (SELECT * FROM rollout FINAL) AS r ON r.rollout_id = c.rollout_id
ORDER BY r.started_at DESC NULLS LAST, rollout_id
LIMIT 100
