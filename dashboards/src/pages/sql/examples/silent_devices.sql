SELECT device_name, site, ring, silence, last_seen_at, silent_hours
FROM silent_device
ORDER BY silent_hours DESC NULLS FIRST
