-- The rollouts, newest first; grain: one per rollout.
SELECT rollout_id, name, kb_article
FROM rollout FINAL
ORDER BY started_at DESC NULLS LAST, rollout_id
