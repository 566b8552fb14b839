-- The clusters, those with the most failing devices first; grain: one per cluster_key. Filters are off when empty;
-- open_only = 1 leaves closed clusters out. Devices are counted within the filters.
WITH {site:String} != '' OR {ring:String} != '' AS narrowed
SELECT
    f.cluster_key AS cluster_key, f.cause AS cause, f.alert_subtype AS alert_subtype, f.culprit AS culprit,
    f.error_code AS error_code, f.inner_code AS inner_code, f.error_symbol AS error_symbol, f.phase AS phase,
    f.kb_articles AS kb_articles, if(narrowed, c.open_devices, f.open_devices) AS open_devices, if(narrowed, c.devices, f.devices) AS devices, f.confidence_avg AS confidence,
    f.trend AS trend, f.daily AS daily, f.sites AS sites, f.rings AS rings, f.first_seen_at AS first_seen_at,
    f.last_seen_at AS last_seen_at, f.summary_en AS summary_en, f.summary_zh AS summary_zh,
    f.actions_en AS actions_en, f.actions_zh AS actions_zh
FROM failure_cluster AS f
LEFT JOIN
(
    -- Read only when there is a filter: else the cluster's own counts are the counts.
    SELECT cluster_key, countIf(is_open = 1) AS open_devices, count() AS devices
    FROM cluster_device
    WHERE ({site:String} != '' OR {ring:String} != '')
        AND ({site:String} = '' OR site = {site:String}) AND ({ring:String} = '' OR ring = {ring:String})
        AND ({cluster_key:String} = '' OR cluster_key = {cluster_key:String})
    GROUP BY cluster_key
) AS c ON c.cluster_key = f.cluster_key
WHERE ({cluster_key:String} = '' OR f.cluster_key = {cluster_key:String}) AND ({cause:String} = '' OR f.cause = {cause:String})
    AND devices > 0 AND ({open_only:UInt8} = 0 OR open_devices > 0)
ORDER BY open_devices DESC, devices DESC, cluster_key
LIMIT 5000
