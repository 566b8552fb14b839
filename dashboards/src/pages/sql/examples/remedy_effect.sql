SELECT cause, devices, installed_later, failed_again, open_devices, round(median_hours, 1) AS median_hours
FROM remedy_effect
WHERE cluster_key = ''
ORDER BY devices DESC
