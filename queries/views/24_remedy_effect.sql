-- remedy_effect: one row per cluster, and one per cause.
-- Why: a fix that did not lead to an installed update did not work.
-- Reads: device_digest. A remedy worked when the device installed the update afterwards; which
-- remedy was applied is not in the logs, so that the effect stands at cluster and cause.
CREATE OR REPLACE VIEW {view:remedy_effect} {on_cluster} AS
SELECT
    cluster_key,
    cause,
    if(cluster_key = '', '', argMax(name, confidence)) AS culprit,
    uniqExact(device_hash) AS devices,
    uniqExactIf(device_hash, is_open = 0) AS installed_later,
    uniqExactIf(device_hash, is_open = 1 AND failures > 1) AS failed_again,
    uniqExactIf(device_hash, other_failures > 0) AS failed_otherwise,
    uniqExactIf(device_hash, is_open = 1) AS open_devices,
    installed_later / devices AS installed_later_share,
    medianExactIfOrNull(dateDiff('second', first_seen_at, installed_at) / 3600, is_open = 0 AND installed_at IS NOT NULL) AS median_hours
FROM
(
    SELECT
        device_hash, remedy.cluster_key AS cluster_key, CAST(remedy.cause, 'String') AS cause, remedy.culprit AS name, remedy.confidence AS confidence,
        remedy.is_open AS is_open, remedy.failures AS failures, remedy.first_seen_at AS first_seen_at, remedy.installed_at AS installed_at,
        remedy.other_failures AS other_failures
    FROM {table:device_digest} FINAL
    ARRAY JOIN remedy
)
GROUP BY GROUPING SETS ((cluster_key, cause), (cause))
ORDER BY cause, cluster_key
COMMENT 'One row per cluster, and one per cause with an empty cluster_key. installed_later: devices that installed the update after the failure. failed_again: devices that tried more than once and still fail. failed_otherwise: devices that failed later for another reason. median_hours: from the first sign of the failure, not before the first failing attempt of the update, to the installed update; null when no device got there.'
