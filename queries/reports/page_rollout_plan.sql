-- One rollout as planned; grain: at most one row.
SELECT
    rollout_id, name, kb_article, release_at, started_at, deadline_at, toUnixTimestamp(started_at) AS started_s
FROM rollout FINAL
WHERE rollout_id = {rollout_id:String}
