-- One rollout as planned, with the time its devices took; grain: at most one row. Filters are off when empty.
SELECT
    r.rollout_id AS rollout_id, r.name AS name, r.kb_article AS kb_article, r.release_at AS release_at,
    r.started_at AS started_at, r.deadline_at AS deadline_at, t.*
FROM (SELECT * FROM rollout FINAL WHERE rollout_id = {rollout_id:String}) AS r
CROSS JOIN
(
    SELECT quantileExactOrNull(0.5)(hours_from_start) AS median_hours, quantileExactOrNull(0.9)(hours_from_start) AS p90_hours
    FROM time_to_patch
    WHERE rollout_id = {rollout_id:String} AND ({ring:String} = '' OR ring = {ring:String})
        AND ({site:String} = '' OR site = {site:String}) AND hours_from_start IS NOT NULL
) AS t
