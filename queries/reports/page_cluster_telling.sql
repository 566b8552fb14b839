-- What a cluster's devices have more often than healthy ones, what the page shows and what tells who is at risk, least
-- by chance first; grain: one per cluster, factor and value. One cluster where its key is given.
SELECT cluster_key, factor, value, devices, with_factor, others, others_with_factor, lift, p_adjusted AS p_value, is_telling
FROM cluster_factor
WHERE ({cluster_key:String} = '' OR cluster_key = {cluster_key:String}) AND (with_factor >= 2 AND p_adjusted < 0.2 OR is_telling = 1)
ORDER BY p_adjusted, with_factor DESC, factor, value, cluster_key
LIMIT 1000 BY cluster_key
LIMIT 20000
