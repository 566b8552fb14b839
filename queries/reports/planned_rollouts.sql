-- The planned rollouts, the current one first and then newest first; grain: one per rollout. What is left of a rollout
-- whose removal was interrupted counts too, without a name.
SELECT
    p.rollout_id AS rollout_id, r.name AS name, r.kb_article AS kb_article, toString(r.started_at) AS started_at, toString(r.deadline_at) AS deadline_at,
    p.planned AS planned, p.excluded AS excluded, p.rollout_id IN (SELECT rollout_id FROM current_rollout) AS is_current
FROM
(
    SELECT rollout_id, sum(planned) AS planned, sum(excluded) AS excluded
    FROM
    (
        SELECT rollout_id, 0 AS planned, 0 AS excluded FROM rollout FINAL
        UNION ALL
        SELECT rollout_id, countIf(is_deleted = 0) AS planned, countIf(is_deleted = 0 AND d.excluded = 1) AS excluded FROM rollout_device AS d FINAL GROUP BY rollout_id
        UNION ALL
        SELECT DISTINCT rollout_id, 0 AS planned, 0 AS excluded FROM device_standing
    )
    GROUP BY rollout_id
) AS p
LEFT JOIN (SELECT * FROM rollout FINAL) AS r ON r.rollout_id = p.rollout_id
ORDER BY is_current DESC, coalesce(r.started_at, r.release_at) DESC NULLS LAST, rollout_id
