-- The rollouts, the current one first and then newest first; grain: one per rollout.
SELECT rollout_id, name, kb_article
FROM rollout FINAL
ORDER BY rollout_id IN (SELECT rollout_id FROM current_rollout) DESC, coalesce(started_at, release_at) DESC NULLS LAST, rollout_id
