-- The clusters, those with the most failing devices first; grain: one per cluster_key. Filters are off when empty;
-- open_only = 1 leaves closed clusters out. Devices are counted within the filters.
SELECT
    f.cluster_key AS cluster_key, f.cause AS cause, f.alert_subtype AS alert_subtype, f.culprit AS culprit,
    f.error_code AS error_code, f.inner_code AS inner_code, f.error_symbol AS error_symbol, f.phase AS phase,
    f.kb_articles AS kb_articles, c.open_devices AS open_devices, c.devices AS devices, f.confidence_avg AS confidence,
    f.trend AS trend, f.daily AS daily, f.sites AS sites, f.rings AS rings, f.first_seen_at AS first_seen_at,
    f.last_seen_at AS last_seen_at, f.summary_en AS summary_en, f.summary_zh AS summary_zh,
    f.actions_en AS actions_en, f.actions_zh AS actions_zh
FROM failure_cluster AS f
INNER JOIN
(
    SELECT cluster_key, uniqExactIf(device_id, is_open = 1) AS open_devices, uniqExact(device_id) AS devices
    FROM cluster_device
    WHERE ({site:String} = '' OR site = {site:String}) AND ({ring:String} = '' OR ring = {ring:String})
        AND ({cluster_key:String} = '' OR cluster_key = {cluster_key:String})
    GROUP BY cluster_key
) AS c ON c.cluster_key = f.cluster_key
WHERE ({cause:String} = '' OR f.cause = {cause:String}) AND ({open_only:UInt8} = 0 OR c.open_devices > 0)
ORDER BY open_devices DESC, devices DESC, cluster_key
LIMIT 500
