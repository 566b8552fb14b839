-- What the remedy of one cluster did so far; grain: at most one row.
SELECT installed_later, failed_again, failed_otherwise, median_hours
FROM remedy_effect
WHERE cluster_key = {cluster_key:String}
