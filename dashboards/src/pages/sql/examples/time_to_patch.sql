SELECT rollout_id, ring, count() AS installed, round(median(hours_from_start), 1) AS median_hours,
    round(quantile(0.9)(hours_from_start), 1) AS p90_hours, round(avg(attempts), 2) AS attempts
FROM time_to_patch
WHERE hours_from_start IS NOT NULL
GROUP BY rollout_id, ring
ORDER BY rollout_id, median_hours
