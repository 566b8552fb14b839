-- Devices of clusters, by site and cause; grain: site × cause. Filters are off when empty; open_only = 1 counts
-- devices that fail now.
SELECT site, cause, uniqExact(device_id) AS devices
FROM cluster_device
WHERE (is_open = 1 OR {open_only:UInt8} = 0) AND ({cause:String} = '' OR cause = {cause:String})
    AND ({site:String} = '' OR site = {site:String}) AND ({ring:String} = '' OR ring = {ring:String})
GROUP BY site, cause
ORDER BY devices DESC, site, cause
LIMIT 5000
