SELECT cause, culprit, devices, installed_later, failed_again, round(median_hours, 1) AS median_hours
FROM remedy_effect
ORDER BY devices DESC
