-- remedy_effect: one row per cluster, and one per cause.
-- Why: a fix that did not lead to an installed update did not work.
-- Reads: diagnosis, update_attempt. A remedy worked when the device installed the update afterwards; which
-- remedy was applied is not in the logs, so that the effect stands at cluster and cause.
-- Of several hypotheses on one attempt the first counts.
CREATE OR REPLACE VIEW {view:remedy_effect} {on_cluster} AS
SELECT
    cluster_key,
    cause,
    if(cluster_key = '', '', argMax(name, confidence)) AS culprit,
    uniqExact(device_id) AS devices,
    uniqExactIf(device_id, is_open = 0) AS installed_later,
    uniqExactIf(device_id, is_open = 1 AND failures > 1) AS failed_again,
    uniqExactIf(device_id, other_failures > 0) AS failed_otherwise,
    uniqExactIf(device_id, is_open = 1) AS open_devices,
    installed_later / devices AS installed_later_share,
    medianExactIfOrNull(dateDiff('second', first_seen_at, installed_at) / 3600, is_open = 0 AND installed_at IS NOT NULL) AS median_hours
FROM
(
    SELECT
        v.cluster_key AS cluster_key,
        v.cause AS cause,
        v.culprit AS name,
        v.confidence AS confidence,
        v.device_id AS device_id,
        v.is_open AS is_open,
        v.first_seen_at AS first_seen_at,
        a.failures AS failures,
        arrayMin(arrayFilter(at -> at >= ifNull(v.first_seen_at, at), a.installed)) AS earliest,
        if(empty(arrayFilter(at -> at >= ifNull(v.first_seen_at, at), a.installed)), NULL, earliest) AS installed_at,
        -- Failures of the device with another reason that began after the last of this one.
        arrayCount(other -> other.1 != v.cluster_key AND ifNull(other.2 > v.last_seen_at, 0), o.failures) AS other_failures
    FROM
    (
        SELECT
            device_id, attempt_id, kb_article, toString(cause) AS cause, culprit, cluster_key, confidence, is_open, first_seen_at, last_seen_at
        FROM {table:diagnosis} FINAL
        WHERE cluster_key != ''
        ORDER BY rank
        LIMIT 1 BY device_id, if(attempt_id = '', diagnosis_id, attempt_id)
    ) AS v
    LEFT JOIN
    (
        SELECT
            t.device_id AS device_id,
            assumeNotNull(t.kb_article) AS kb_article,
            countIf(t.outcome IN ('failed', 'rolled_back')) AS failures,
            groupArrayIf(assumeNotNull(coalesce(t.ended_at, t.started_at)), t.outcome = 'installed' AND coalesce(t.ended_at, t.started_at) IS NOT NULL) AS installed
        FROM (SELECT * FROM {table:update_attempt} FINAL WHERE kb_article IS NOT NULL) AS t
        GROUP BY t.device_id, t.kb_article
    ) AS a ON a.device_id = v.device_id AND a.kb_article = ifNull(v.kb_article, 0)
    LEFT JOIN
    (
        SELECT device_id, groupArray((cluster_key, first_seen_at)) AS failures
        FROM
        (
            SELECT device_id, cluster_key, first_seen_at
            FROM {table:diagnosis} FINAL
            WHERE cluster_key != '' AND attempt_id != ''
            ORDER BY rank
            LIMIT 1 BY device_id, attempt_id
        )
        GROUP BY device_id
    ) AS o ON o.device_id = v.device_id
)
GROUP BY GROUPING SETS ((cluster_key, cause), (cause))
ORDER BY cause, cluster_key
COMMENT 'One row per cluster, and one per cause with an empty cluster_key. installed_later: devices that installed the update after the failure. failed_again: devices that tried more than once and still fail. failed_otherwise: devices that failed later for another reason. median_hours: from the first sign of the failure to the installed update; null when no device got there.'
