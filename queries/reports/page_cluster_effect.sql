-- What the remedies did so far; grain: one per cluster. One cluster where its key is given.
SELECT cluster_key, installed_later, failed_again, median_hours
FROM remedy_effect
WHERE cluster_key != '' AND ({cluster_key:String} = '' OR cluster_key = {cluster_key:String})
ORDER BY cluster_key
LIMIT 20000
