SELECT error_code_hex, any(error_symbol) AS symbol, sum(devices) AS failed_device_days,
    sum(logged_devices) AS logged_device_days, sum(records) AS records
FROM error_code_daily
WHERE day > (SELECT max(day) FROM error_code_daily) - 7
GROUP BY error_code_hex
ORDER BY failed_device_days DESC, logged_device_days DESC
LIMIT 100
