-- How many devices did not try yet and have what one cluster's devices have; grain: one row.
SELECT uniqExact(device_id) AS total
FROM device_at_risk
WHERE cluster_key = {cluster_key:String}
