-- What a cluster's devices have more often than healthy ones, what the page shows and what tells who is at risk; grain: one per factor and value.
SELECT factor, value, devices, with_factor, others, others_with_factor, lift, p_adjusted AS p_value
FROM cluster_factor
WHERE cluster_key = {cluster_key:String} AND (with_factor >= 2 AND p_adjusted < 0.2 OR p_adjusted < 0.05)
ORDER BY p_adjusted, with_factor DESC, factor, value
LIMIT 1000
